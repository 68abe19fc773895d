-- Green trips of the session's month, as the fact wants them. The twin of staging.trip_yellow, which says what makes it
-- fast, but for the names of two columns, the trip types, and the airport fee, which green files do not have.
create schema if not exists staging;

create or replace view staging.trip_green as
select
    (select month.service_id from staging.month as month) as service_id,
    trip.file_month,
    coalesce((select known.vendor from staging.known_code as known)[trip.vendorid], -1::smallint) as vendor_id,
    coalesce((select known.rate_code from staging.known_code as known)[trip.ratecodeid], -1::smallint) as rate_code_id,
    coalesce((select known.payment_type from staging.known_code as known)[trip.payment_type], -1::smallint)
        as payment_type_id,
    coalesce((select known.trip_type from staging.known_code as known)[trip.trip_type], -1::smallint) as trip_type_id,
    trip.lpep_pickup_datetime::date as pickup_date,
    date_part('hour', trip.lpep_pickup_datetime)::smallint as pickup_hour,
    coalesce((select known.zone from staging.known_code as known)[trip.pulocationid], -1::smallint) as pickup_zone_id,
    coalesce((select known.zone from staging.known_code as known)[trip.dolocationid], -1::smallint) as dropoff_zone_id,
    trip.lpep_pickup_datetime as pickup_at,
    trip.lpep_dropoff_datetime as dropoff_at,
    case when trip.passenger_count between 0 and 32767 then trip.passenger_count::smallint end as passenger_count,
    case when abs(trip.trip_distance) < 1e6 then trip.trip_distance end as distance_miles,
    case
        when
            trip.lpep_dropoff_datetime < (select month.dropoff_before from staging.month as month)
            and trip.lpep_pickup_datetime >= (select month.pickup_from from staging.month as month)
            then date_part('epoch', trip.lpep_dropoff_datetime - trip.lpep_pickup_datetime)::integer
    end as duration_s,
    staging.cents(trip.fare_amount) as fare_cents,
    staging.cents(trip.extra) as extra_cents,
    staging.cents(trip.mta_tax) as mta_tax_cents,
    staging.cents(trip.tip_amount) as tip_cents,
    staging.cents(trip.tolls_amount) as tolls_cents,
    staging.cents(trip.improvement_surcharge) as improvement_surcharge_cents,
    staging.cents(trip.congestion_surcharge) as congestion_surcharge_cents,
    null::integer as airport_fee_cents,
    staging.cents(trip.cbd_congestion_fee) as cbd_congestion_fee_cents,
    staging.cents(trip.total_amount) as total_cents,
    case
        when
            trip.lpep_pickup_datetime >= (select month.pickup_from from staging.month as month)
            and trip.lpep_pickup_datetime < (select month.pickup_before from staging.month as month)
            and trip.lpep_dropoff_datetime >= trip.lpep_pickup_datetime
            and trip.lpep_dropoff_datetime < (select month.dropoff_before from staging.month as month)
            and abs(trip.total_amount) < 2e7
            then null
        when not coalesce(isfinite(trip.lpep_pickup_datetime) and isfinite(trip.lpep_dropoff_datetime), false)
            then 'unusable_timestamp'
        when
            trip.lpep_pickup_datetime < (select month.pickup_from from staging.month as month)
            or trip.lpep_pickup_datetime >= (select month.pickup_before from staging.month as month)
            then 'pickup_outside_month'
        when trip.lpep_dropoff_datetime < trip.lpep_pickup_datetime then 'dropoff_before_pickup'
        when trip.lpep_dropoff_datetime >= (select month.dropoff_before from staging.month as month)
            then 'unusable_timestamp'
        else 'unusable_amount'
    end as reject_rule,
    trip.total_amount,
    to_jsonb(trip) as as_published
from raw.green_trip as trip
where trip.file_month = (select month.file_month from staging.month as month);
