-- check: every_product_once
-- severity: fail
-- why: a product that the joins double is sold twice; a key of the web shop that is there twice, to two products.
select
    count(*) as row_count,
    count(distinct product_id) as products,
    count(distinct sku) as skus
from gold.produits_vin
having count(*) <> count(distinct product_id) or count(*) <> count(distinct sku);

-- check: premium_is_what_costs_most
-- severity: fail
-- why: the two lists are sent out by this word; a price on the wrong side of 2 was compared in another way.
select *
from gold.produits_vin
where
    classement not in ('premium', 'ordinaire')
    or (classement = 'premium' and coalesce(z_score < 2, true))
    or (classement = 'ordinaire' and z_score > 2);
