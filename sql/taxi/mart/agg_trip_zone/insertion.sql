-- Replaces the session's month. The temporary table is there because INSERT … SELECT cannot use parallel workers.
delete from taxi.agg_trip_zone
where
    service_id = (select publishing.service_id from taxi.publishing)
    and file_month = (select publishing.file_month from taxi.publishing);

select taxi.open_month();

create temporary table agg_trip_zone_of_month on commit drop as
select
    pickup_date,
    pickup_zone_id,
    count(*) as trips,
    coalesce(sum(passenger_count), 0) as passengers,
    round(coalesce(sum(distance_miles), 0)::numeric, 2) as distance_miles,
    sum(duration_s) as duration_s,
    coalesce(sum(fare_cents), 0) * 0.01 as fare_amount,
    coalesce(sum(tip_cents), 0) * 0.01 as tip_amount,
    sum(total_cents) * 0.01 as total_amount
from trip_of_month
group by pickup_date, pickup_zone_id;

insert into taxi.agg_trip_zone
select
    publishing.service_id,
    publishing.file_month,
    of_month.*
from agg_trip_zone_of_month as of_month
cross join taxi.publishing;

drop table agg_trip_zone_of_month;

drop view trip_of_month;
