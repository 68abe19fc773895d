with ventes as (
    select
        pays,
        sum(total_ca) as ca_total,
        cast(sum(total_ca) * 100 as bigint) as cents,
        cast(sum(nb_achats) as bigint) as nb_transactions,
        count(*) as nb_clients
    from gold.dim_clients
    where nb_achats > 0
    group by pays
),

compared as (
    select
        *,
        cast(sum(cents) over () as bigint) as cents_of_all
    from ventes
)

select
    pays,
    cast(ca_total as numeric(18, 2)) as ca_total,
    nb_transactions,
    nb_clients,
    -- Half up to the cent, in whole cents.
    cast((2 * cents + nb_transactions) // (2 * nb_transactions) * 0.01 as numeric(18, 2)) as panier_moyen,
    -- In hundredths of a percent, half up, in whole numbers up to the last division.
    cast((20000 * cents + cents_of_all) // (2 * cents_of_all) as double precision) / 100 as part_ca
from compared
order by ca_total desc, pays asc
