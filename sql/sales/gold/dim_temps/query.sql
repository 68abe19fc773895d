-- Every day from the first purchase to the last, sold on or not, so that charts have no gaps.
with bounds as (
    select
        min(date_achat) as first_day,
        max(date_achat) as last_day
    from silver.achats
),

days as (
    select unnest(generate_series(first_day, last_day, interval 1 day)) as day
    from bounds
),

numbered as (
    select
        cast(day as date) as date,
        -- 0 is Monday: date_trunc goes back to it.
        cast(date_diff('day', date_trunc('week', cast(day as date)), cast(day as date)) as integer) as jour_semaine
    from days
)

select
    cast(strftime(date, '%Y%m%d') as integer) as id_date,
    date,
    cast(extract(day from date) as integer) as jour,
    cast(extract(month from date) as integer) as mois,
    cast(extract(year from date) as integer) as annee,
    cast(extract(quarter from date) as integer) as trimestre,
    cast(extract(week from date) as integer) as semaine,
    jour_semaine,
    split_part('lundi mardi mercredi jeudi vendredi samedi dimanche', ' ', jour_semaine + 1) as nom_jour,
    split_part(
        'janvier février mars avril mai juin juillet août septembre octobre novembre décembre',
        ' ',
        cast(extract(month from date) as integer)
    ) as nom_mois,
    jour_semaine >= 5 as est_weekend
from numbered
order by id_date
