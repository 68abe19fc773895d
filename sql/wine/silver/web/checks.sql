-- check: one_row_per_sku
-- severity: fail
-- why: a product that is there twice is sold twice.
select
    sku,
    count(*) as row_count
from silver.web
group by sku
having count(*) > 1;

-- check: only_products
-- severity: fail
-- why: attachments carry the sku of their product, and a number of sales besides.
select *
from silver.web
where post_type is distinct from 'product';
