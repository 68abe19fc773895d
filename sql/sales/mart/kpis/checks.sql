-- check: headlines_are_those_of_the_tables
-- severity: fail
-- why: the first numbers that anybody sees must be the sums of what is below them
with clients as (
    select
        coalesce(sum(total_ca), 0) as ca_total,
        coalesce(sum(nb_achats), 0) as nb_transactions,
        count(*) as nb_clients,
        count(*) filter (where nb_achats > 0) as nb_clients_actifs,
        min(premiere_commande) as premiere_vente,
        max(derniere_commande) as derniere_vente
    from sales.dim_clients
),

products as (
    select count(*) as nb_produits
    from sales.dim_produits
)

select
    kpis.ca_total,
    clients.ca_total as ca_total_clients,
    kpis.nb_transactions,
    clients.nb_transactions as nb_transactions_clients,
    kpis.nb_clients,
    clients.nb_clients as nb_clients_dim,
    kpis.nb_clients_actifs,
    clients.nb_clients_actifs as nb_clients_actifs_dim,
    kpis.nb_produits,
    products.nb_produits as nb_produits_dim
from clients
cross join products
left join sales.kpis as kpis on kpis.perimetre = 'total'
where
    (kpis.ca_total, kpis.nb_transactions, kpis.nb_clients, kpis.nb_clients_actifs) is distinct from
    (clients.ca_total, clients.nb_transactions, clients.nb_clients, clients.nb_clients_actifs)
    or (kpis.premiere_vente, kpis.derniere_vente, kpis.nb_produits) is distinct from
    (clients.premiere_vente, clients.derniere_vente, products.nb_produits);
