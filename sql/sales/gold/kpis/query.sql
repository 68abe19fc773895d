with clients as (
    select
        coalesce(sum(total_ca), 0) as ca_total,
        cast(coalesce(sum(total_ca), 0) * 100 as bigint) as cents,
        cast(coalesce(sum(nb_achats), 0) as bigint) as nb_transactions,
        count(*) as nb_clients,
        count(*) filter (where nb_achats > 0) as nb_clients_actifs,
        min(premiere_commande) as premiere_vente,
        max(derniere_commande) as derniere_vente
    from gold.dim_clients
),

produits as (
    select
        count(*) as nb_produits,
        min(produit) filter (where place = 1) as meilleur_produit
    from (
        select
            produit,
            row_number() over (order by ca_total desc, produit asc) as place
        from gold.dim_produits
    ) as placed
),

mois as (
    select
        min(ca_total) filter (where age = 1) as ca_dernier_mois,
        min(mois) filter (where place = 1) as meilleur_mois
    from (
        select
            mois,
            ca_total,
            row_number() over (order by mois desc) as age,
            row_number() over (order by ca_total desc, mois asc) as place
        from gold.kpi_ca_par_mois
    ) as placed
)

select
    'total' as perimetre,
    cast(clients.ca_total as numeric(18, 2)) as ca_total,
    clients.nb_transactions,
    -- Half up to the cent, in whole cents; no purchases, no average.
    cast(
        (2 * clients.cents + clients.nb_transactions) // nullif(2 * clients.nb_transactions, 0) * 0.01
        as numeric(18, 2)
    ) as panier_moyen,
    clients.nb_clients,
    clients.nb_clients_actifs,
    produits.nb_produits,
    clients.premiere_vente,
    clients.derniere_vente,
    mois.ca_dernier_mois,
    mois.meilleur_mois,
    produits.meilleur_produit
from clients
cross join produits
cross join mois
order by perimetre
