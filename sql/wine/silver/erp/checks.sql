-- check: one_row_per_product
-- severity: fail
-- why: a product that is there twice has two prices, and its turnover is counted twice.
select
    product_id,
    count(*) as row_count
from silver.erp
group by product_id
having count(*) > 1;
