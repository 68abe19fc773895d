with ventes as (
    select
        produit,
        count(*) as nb_ventes,
        cast(sum(montant) as numeric(18, 2)) as ca_total,
        cast(sum(montant) * 100 as bigint) as cents,
        count(distinct id_client) as nb_clients
    from gold.fact_ventes
    group by produit
)

select
    produit,
    nb_ventes,
    ca_total,
    -- Half up to the cent, in whole cents.
    cast((2 * cents + nb_ventes) // (2 * nb_ventes) * 0.01 as numeric(18, 2)) as prix_moyen,
    nb_clients,
    cast(row_number() over (order by nb_ventes desc, ca_total desc, produit asc) as bigint) as rang
from ventes
order by rang
