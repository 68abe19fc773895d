-- Replaces the session's month, summed up from agg_trip_payment, which costs nothing beside a third scan of the fact.
delete from taxi.agg_trip_hour
where
    service_id = (select publishing.service_id from taxi.publishing)
    and file_month = (select publishing.file_month from taxi.publishing);

insert into taxi.agg_trip_hour
select
    service_id,
    file_month,
    pickup_date,
    pickup_hour,
    sum(trips) as trips,
    sum(passengers) as passengers,
    sum(distance_miles) as distance_miles,
    sum(duration_s) as duration_s,
    sum(fare_amount) as fare_amount,
    sum(tip_amount) as tip_amount,
    sum(total_amount) as total_amount
from taxi.agg_trip_payment
where
    service_id = (select publishing.service_id from taxi.publishing)
    and file_month = (select publishing.file_month from taxi.publishing)
group by service_id, file_month, pickup_date, pickup_hour;
