-- check: zones_and_hours_agree
-- severity: fail
-- why: both aggregates count the same trips; if a day differs by one trip or one cent, one of them hides it from its
-- readers, and two charts of one dashboard contradict each other
with by_zone as (
    select
        agg.pickup_date,
        sum(agg.trips) as trips,
        sum(agg.total_amount) as total_amount
    from taxi.agg_trip_zone as agg
    inner join taxi.publishing on agg.service_id = publishing.service_id and agg.file_month = publishing.file_month
    group by agg.pickup_date
),

by_hour as (
    select
        agg.pickup_date,
        sum(agg.trips) as trips,
        sum(agg.total_amount) as total_amount
    from taxi.agg_trip_hour as agg
    inner join taxi.publishing on agg.service_id = publishing.service_id and agg.file_month = publishing.file_month
    group by agg.pickup_date
)

select
    coalesce(by_zone.pickup_date, by_hour.pickup_date) as pickup_date,
    by_zone.trips as trips_by_zone,
    by_hour.trips as trips_by_hour,
    by_zone.total_amount as amount_by_zone,
    by_hour.total_amount as amount_by_hour
from by_zone
full join by_hour on by_zone.pickup_date = by_hour.pickup_date
where (by_zone.trips, by_zone.total_amount) is distinct from (by_hour.trips, by_hour.total_amount);
