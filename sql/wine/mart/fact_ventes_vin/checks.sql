-- check: the_order_of_scores_is_that_of_prices
-- severity: fail
-- why: a product that costs more than another has the higher score, or the scores are those of other prices
with in_order as (
    select
        file_month,
        product_id,
        prix,
        z_score,
        lag(z_score) over (partition by file_month order by prix, z_score) as z_score_before
    from wine.fact_ventes_vin
)

select
    file_month,
    product_id,
    prix,
    z_score,
    z_score_before
from in_order
where z_score < z_score_before;
