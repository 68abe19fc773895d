-- check: no_day_twice_or_missing
-- severity: fail
-- why: charts over days take a missing day for one without sales, and a day that is there twice doubles them.
select
    count(*) as days,
    count(distinct id_date) as ids,
    date_diff('day', min(date), max(date)) + 1 as span
from gold.dim_temps
having count(*) <> count(distinct id_date) or count(*) <> coalesce(date_diff('day', min(date), max(date)) + 1, 0);

-- check: every_purchase_has_its_day
-- severity: fail
-- why: the fact joins to this table; a purchase whose day is not there would leave every report by day.
select distinct achats.date_achat
from silver.achats
anti join gold.dim_temps on achats.date_achat = dim_temps.date;
