with products as (
    select
        count(*) as n,
        coalesce(sum(ca), 0) as ca,
        count(*) filter (where quantite_vendue > 0) as nb_vendus,
        count(*) filter (where classement = 'premium') as nb_premium,
        cast(sum(prix) * 100 as bigint) as cents,
        sum(cast(prix * 100 as numeric(38, 0)) * cast(prix * 100 as bigint)) as squared_cents
    from gold.produits_vin
),

deviations as (
    select
        *,
        sqrt(
            cast(n * squared_cents - cast(cents as numeric(38, 0)) * cents as double precision)
            / nullif(n * (n - 1), 0)
        ) as deviation
    from products
)

select
    'total' as perimetre,
    cast(ca as numeric(18, 2)) as ca,
    n as nb_produits,
    nb_vendus,
    nb_premium,
    -- Half up to the cent, in whole cents.
    cast((2 * cents + n) // nullif(2 * n, 0) * 0.01 as numeric(18, 2)) as prix_moyen,
    cast(cast(floor(deviation + 0.5) as bigint) * 0.01 as numeric(18, 2)) as prix_ecart_type
from deviations
order by perimetre
