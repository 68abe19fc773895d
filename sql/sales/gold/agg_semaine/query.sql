with ventes as (
    select
        cast(date_trunc('week', date) as date) as debut,
        count(*) as nb_transactions,
        count(distinct id_client) as nb_clients_uniques,
        cast(sum(montant) as numeric(18, 2)) as ca_total,
        cast(sum(montant) * 100 as bigint) as cents
    from gold.fact_ventes
    group by cast(date_trunc('week', date) as date)
)

select
    -- A week belongs to the year of its Thursday (ISO 8601).
    cast(extract(year from debut + interval 3 day) as integer) as annee,
    cast(extract(week from debut) as integer) as semaine,
    debut,
    ca_total,
    nb_transactions,
    nb_clients_uniques,
    -- Half up to the cent, in whole cents.
    cast((2 * cents + nb_transactions) // (2 * nb_transactions) * 0.01 as numeric(18, 2)) as panier_moyen
from ventes
order by annee, semaine
