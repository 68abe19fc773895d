-- The revenue of the session's month (flocon.month), to be held against gold's.
select coalesce(sum(ca), 0) as amount
from wine.fact_ventes_vin
where file_month = current_setting('flocon.month')::date;
