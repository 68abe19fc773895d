-- check: days_have_no_gap
-- severity: fail
-- why: a chart over the days shows a day without purchases as such only when the day is there
select
    count(*) as days,
    max(date) - min(date) + 1 as days_between
from sales.dim_temps
having count(*) <> max(date) - min(date) + 1;
