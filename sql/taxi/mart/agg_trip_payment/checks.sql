-- check: mean_total_out_of_range
-- severity: fail
-- why: the mean trip costs tens of dollars (21.79 in green 2023-01); outside 1 to 1,000 the publisher has changed the
-- unit or the meaning of the column, and every amount of the month is wrong
select
    sum(agg.trips) as trips,
    round(sum(agg.total_amount) / sum(agg.trips), 2) as mean_total_amount
from taxi.agg_trip_payment as agg
inner join taxi.publishing on agg.service_id = publishing.service_id and agg.file_month = publishing.file_month
having sum(agg.total_amount) / sum(agg.trips) not between 1 and 1000;
