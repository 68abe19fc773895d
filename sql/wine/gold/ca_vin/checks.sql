-- check: one_row_of_all_products
-- severity: fail
-- why: the report shows one total, of the products that it lists. Whether its revenue is their sum is a quality test,
-- which is published even when it fails.
with products as (
    select
        count(*) as nb_produits,
        count(*) filter (where quantite_vendue > 0) as nb_vendus,
        count(*) filter (where classement = 'premium') as nb_premium
    from gold.produits_vin
),

totals as (
    select
        count(*) as rows_here,
        sum(nb_produits) as nb_produits,
        sum(nb_vendus) as nb_vendus,
        sum(nb_premium) as nb_premium
    from gold.ca_vin
)

select
    products.nb_produits,
    products.nb_vendus,
    products.nb_premium,
    totals.rows_here
from products
cross join totals
where
    totals.rows_here <> 1
    or (totals.nb_produits, totals.nb_vendus, totals.nb_premium)
    is distinct from (products.nb_produits, products.nb_vendus, products.nb_premium);
