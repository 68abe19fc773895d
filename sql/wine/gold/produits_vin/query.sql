-- Products that ERP, web shop and link file agree on. Prices are compared in whole cents, so that what lies on a limit
-- lies there exactly.
with reconciled as (
    select
        erp.product_id,
        web.sku,
        web.nom,
        erp.price,
        erp.stock_quantity,
        erp.stock_status,
        erp.onsale_web,
        web.total_sales,
        cast(erp.price * 100 as bigint) as cents
    from silver.liaison
    inner join silver.erp on liaison.product_id = erp.product_id
    inner join silver.web on liaison.id_web = web.sku
),

spread as (
    -- The variance of the sample is divergence / (n * (n - 1)) squared cents.
    select
        count(*) as n,
        cast(sum(cents) as bigint) as sum_cents,
        count(*) * sum(cast(cents as numeric(38, 0)) * cents)
        - cast(sum(cents) as numeric(38, 0)) * cast(sum(cents) as bigint) as divergence
    from reconciled
),

placed as (
    -- n times as far from the average price as the product is.
    select
        reconciled.*,
        spread.n,
        spread.divergence,
        spread.n * reconciled.cents - spread.sum_cents as distance
    from reconciled
    cross join spread
),

scored as (
    select
        *,
        distance / nullif(sqrt(cast(n * divergence as double precision) / nullif(n - 1, 0)), 0) as z,
        -- z > 2, squared, without a division.
        distance > 0
        and cast(distance as numeric(38, 0)) * distance * (n - 1) > cast(4 * n as bigint) * divergence as is_premium
    from placed
)

select
    product_id,
    sku,
    nom,
    price as prix,
    stock_quantity,
    stock_status,
    onsale_web,
    total_sales as quantite_vendue,
    cast(price * total_sales as numeric(18, 2)) as ca,
    cast(floor(z * 1000000 + 0.5) as double precision) / 1000000 as z_score,
    case when is_premium then 'premium' else 'ordinaire' end as classement
from scored
order by ca desc, product_id asc
