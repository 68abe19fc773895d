-- What pandas' describe() says of the amounts of each product, to the cent, in whole cents throughout.
-- Amounts are counted by the euro first, and only the few euros in which a quartile lies are looked at more closely:
-- sorting ten million purchases would take five times as long.
with euros as (
    select
        produit,
        cast(floor(montant) as integer) as euro,
        count(*) as nb,
        cast(sum(montant) * 100 as bigint) as cents,
        -- Beyond 64 bits for ten million purchases of 10,000 euros.
        sum(cast(montant * 100 as numeric(38, 0)) * cast(montant * 100 as bigint)) as squared_cents,
        cast(min(montant) * 100 as bigint) as lowest,
        cast(max(montant) * 100 as bigint) as highest
    from gold.fact_ventes
    group by produit, cast(floor(montant) as integer)
),

products as (
    select
        produit,
        cast(sum(nb) as bigint) as n,
        cast(sum(cents) as bigint) as cents,
        sum(squared_cents) as squared_cents,
        min(lowest) as lowest,
        max(highest) as highest
    from euros
    group by produit
),

placed as (
    -- Of a product's purchases in the order of their amounts, counted from 0, those of a euro are start … upto - 1.
    select
        euros.produit,
        euros.euro,
        products.n,
        cast(sum(euros.nb) over (partition by euros.produit order by euros.euro) - euros.nb as bigint) as start,
        cast(sum(euros.nb) over (partition by euros.produit order by euros.euro) as bigint) as upto
    from euros
    inner join products on euros.produit = products.produit
),

near as (
    -- Quartile k lies between the purchases (n - 1) * k // 4 and the next.
    select *
    from placed
    where
        ((n - 1) // 4 < upto and (n - 1) // 4 + 1 >= start)
        or ((n - 1) * 2 // 4 < upto and (n - 1) * 2 // 4 + 1 >= start)
        or ((n - 1) * 3 // 4 < upto and (n - 1) * 3 // 4 + 1 >= start)
),

amounts as (
    select
        near.produit,
        near.n,
        near.start,
        cast(ventes.montant * 100 as bigint) as cents,
        count(*) as nb
    from gold.fact_ventes as ventes
    inner join near on ventes.produit = near.produit and cast(floor(ventes.montant) as integer) = near.euro
    group by near.produit, near.n, near.start, ventes.montant
),

counted as (
    select
        produit,
        n,
        cents,
        start + cast(sum(nb) over (partition by produit, start order by cents) as bigint) as upto
    from amounts
),

neighbours as (
    select
        produit,
        max(n) as n,
        min(cents) filter (where upto > (n - 1) // 4) as below_25,
        min(cents) filter (where upto > (n - 1) // 4 + 1) as above_25,
        min(cents) filter (where upto > (n - 1) * 2 // 4) as below_50,
        min(cents) filter (where upto > (n - 1) * 2 // 4 + 1) as above_50,
        min(cents) filter (where upto > (n - 1) * 3 // 4) as below_75,
        min(cents) filter (where upto > (n - 1) * 3 // 4 + 1) as above_75
    from counted
    group by produit
),

quartiles as (
    -- In quarters of a cent. Nothing is above the purchase of a product that was sold once.
    select
        produit,
        below_25 * 4 + (coalesce(above_25, below_25) - below_25) * ((n - 1) % 4) as quarters_25,
        below_50 * 4 + (coalesce(above_50, below_50) - below_50) * ((n - 1) * 2 % 4) as quarters_50,
        below_75 * 4 + (coalesce(above_75, below_75) - below_75) * ((n - 1) * 3 % 4) as quarters_75
    from neighbours
),

deviations as (
    select
        produit,
        sqrt(
            cast(n * squared_cents - cast(cents as numeric(38, 0)) * cents as double precision)
            / nullif(n * (n - 1), 0)
        ) as deviation
    from products
)

select
    products.produit,
    products.n as count,
    -- Half up to the cent.
    cast((2 * products.cents + products.n) // (2 * products.n) * 0.01 as numeric(18, 2)) as mean,
    cast(cast(floor(deviations.deviation + 0.5) as bigint) * 0.01 as numeric(18, 2)) as std,
    cast(products.lowest * 0.01 as numeric(18, 2)) as min,
    cast((quartiles.quarters_25 + 2) // 4 * 0.01 as numeric(18, 2)) as "25%",
    cast((quartiles.quarters_50 + 2) // 4 * 0.01 as numeric(18, 2)) as "50%",
    cast((quartiles.quarters_75 + 2) // 4 * 0.01 as numeric(18, 2)) as "75%",
    cast(products.highest * 0.01 as numeric(18, 2)) as max
from products
inner join quartiles on products.produit = quartiles.produit
inner join deviations on products.produit = deviations.produit
order by products.produit
