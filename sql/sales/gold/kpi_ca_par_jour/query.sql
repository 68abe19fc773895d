with ventes as (
    select
        date,
        count(*) as nb_transactions,
        cast(sum(montant) as numeric(18, 2)) as ca_total,
        cast(sum(montant) * 100 as bigint) as cents
    from gold.fact_ventes
    group by date
)

select
    date,
    ca_total,
    nb_transactions,
    -- Half up to the cent, in whole cents.
    cast((2 * cents + nb_transactions) // (2 * nb_transactions) * 0.01 as numeric(18, 2)) as panier_moyen
from ventes
order by date
