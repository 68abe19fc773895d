-- check: what_found_its_counterpart_is_not_listed
-- severity: fail
-- why: a product is in the revenue or in the list of those that are not, never in both
select
    gap.file_month,
    gap.source,
    gap.cle,
    gap.raison
from wine.ecarts as gap
inner join wine.fact_ventes_vin as fact
    on
        gap.file_month = fact.file_month
        and gap.cle = case gap.source when 'web' then fact.sku else fact.product_id::text end;
