with ventes as (
    select
        mois,
        annee * 12 + cast(substr(mois, 6) as integer) as month_number,
        count(*) as nb_transactions,
        count(distinct id_client) as nb_clients_uniques,
        cast(sum(montant) as numeric(18, 2)) as ca_total,
        cast(sum(montant) * 100 as bigint) as cents
    from gold.fact_ventes
    group by mois, annee
),

compared as (
    select
        *,
        -- The month before in the calendar; a month without sales has no row, and nothing can grow from it.
        case
            when lag(month_number) over (order by mois) = month_number - 1 then lag(cents) over (order by mois)
        end as cents_before
    from ventes
)

select
    mois,
    ca_total,
    nb_transactions,
    -- Half up to the cent, in whole cents.
    cast((2 * cents + nb_transactions) // (2 * nb_transactions) * 0.01 as numeric(18, 2)) as panier_moyen,
    nb_clients_uniques,
    -- In hundredths of a percent, half away from zero, in whole numbers up to the last division.
    cast(
        (20000 * abs(cents - cents_before) + cents_before) // (2 * cents_before)
        * case when cents < cents_before then -1 else 1 end
        as double precision
    ) / 100 as taux_croissance
from compared
order by mois
