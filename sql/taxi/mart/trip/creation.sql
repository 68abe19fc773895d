-- Trips as readers want them: dollars, and the words of every code. One row of taxi.fact_trip each.
create schema if not exists taxi;

create or replace view taxi.trip as
select
    service.service,
    fact.file_month,
    fact.pickup_at,
    fact.dropoff_at,
    fact.pickup_date,
    fact.pickup_hour,
    day.month_id as pickup_month_id,
    day.day_name as pickup_day_name,
    day.is_weekend as is_pickup_weekend,
    day_part.day_part as pickup_day_part,
    fact.pickup_zone_id,
    pickup_zone.zone as pickup_zone,
    pickup_borough.borough as pickup_borough,
    pickup_service_zone.service_zone as pickup_service_zone,
    fact.dropoff_zone_id,
    dropoff_zone.zone as dropoff_zone,
    dropoff_borough.borough as dropoff_borough,
    dropoff_service_zone.service_zone as dropoff_service_zone,
    vendor.vendor,
    rate_code.rate_code,
    payment_type.payment_type,
    trip_type.trip_type,
    fact.passenger_count,
    fact.distance_miles,
    fact.duration_s,
    (fact.fare_cents * 0.01)::numeric(12, 2) as fare_amount,
    (fact.extra_cents * 0.01)::numeric(12, 2) as extra,
    (fact.mta_tax_cents * 0.01)::numeric(12, 2) as mta_tax,
    (fact.tip_cents * 0.01)::numeric(12, 2) as tip_amount,
    (fact.tolls_cents * 0.01)::numeric(12, 2) as tolls_amount,
    (fact.improvement_surcharge_cents * 0.01)::numeric(12, 2) as improvement_surcharge,
    (fact.congestion_surcharge_cents * 0.01)::numeric(12, 2) as congestion_surcharge,
    (fact.airport_fee_cents * 0.01)::numeric(12, 2) as airport_fee,
    (fact.cbd_congestion_fee_cents * 0.01)::numeric(12, 2) as cbd_congestion_fee,
    (fact.total_cents * 0.01)::numeric(12, 2) as total_amount,
    fact.is_null_block,
    fact.is_negative_fare,
    fact.is_zero_distance,
    fact.is_zero_duration
from taxi.fact_trip as fact
inner join taxi.dim_service as service on fact.service_id = service.service_id
inner join taxi.dim_date as day on fact.pickup_date = day.date_id
inner join taxi.dim_hour as hour on fact.pickup_hour = hour.hour_id
inner join taxi.dim_day_part as day_part on hour.day_part_id = day_part.day_part_id
inner join taxi.dim_zone as pickup_zone on fact.pickup_zone_id = pickup_zone.zone_id
inner join taxi.dim_borough as pickup_borough on pickup_zone.borough_id = pickup_borough.borough_id
inner join taxi.dim_service_zone as pickup_service_zone
    on pickup_zone.service_zone_id = pickup_service_zone.service_zone_id
inner join taxi.dim_zone as dropoff_zone on fact.dropoff_zone_id = dropoff_zone.zone_id
inner join taxi.dim_borough as dropoff_borough on dropoff_zone.borough_id = dropoff_borough.borough_id
inner join taxi.dim_service_zone as dropoff_service_zone
    on dropoff_zone.service_zone_id = dropoff_service_zone.service_zone_id
inner join taxi.dim_vendor as vendor on fact.vendor_id = vendor.vendor_id
inner join taxi.dim_rate_code as rate_code on fact.rate_code_id = rate_code.rate_code_id
inner join taxi.dim_payment_type as payment_type on fact.payment_type_id = payment_type.payment_type_id
inner join taxi.dim_trip_type as trip_type on fact.trip_type_id = trip_type.trip_type_id;
