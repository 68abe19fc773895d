-- Replaces the session's month, summed up from agg_trip_payment: a third scan of the fact would cost more than all else.
delete from taxi.agg_trip_hour
where
    service_id = (select service_id from taxi.dim_service where service = current_setting('flocon.service'))
    and file_month = (select current_setting('flocon.month')::date);

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
    service_id = (select service_id from taxi.dim_service where service = current_setting('flocon.service'))
    and file_month = (select current_setting('flocon.month')::date)
group by service_id, file_month, pickup_date, pickup_hour;
