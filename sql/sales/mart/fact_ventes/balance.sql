-- What the purchases add up to.
select
    count(*) as row_count,
    coalesce(sum(montant), 0)::numeric(18, 2) as amount
from sales.fact_ventes;
