-- check: one_row_per_product
-- severity: fail
-- why: a product that is linked twice is counted twice.
select
    product_id,
    count(*) as row_count
from silver.liaison
group by product_id
having count(*) > 1;

-- check: one_row_per_id_web
-- severity: fail
-- why: sales of the web shop that are linked to two products are counted twice.
select
    id_web,
    count(*) as row_count
from silver.liaison
group by id_web
having count(*) > 1;
