-- Runs on the warehouse; its rows are piped into the month's new partition, whose defaults give service and file month.
select
    vendor_id,
    rate_code_id,
    payment_type_id,
    trip_type_id,
    pickup_hour,
    pickup_zone_id,
    dropoff_zone_id,
    pickup_date,
    pickup_at,
    dropoff_at,
    duration_s,
    total_cents,
    distance_miles,
    fare_cents,
    extra_cents,
    mta_tax_cents,
    tip_cents,
    tolls_cents,
    improvement_surcharge_cents,
    congestion_surcharge_cents,
    airport_fee_cents,
    cbd_congestion_fee_cents,
    passenger_count
from staging.trip_green
where reject_rule is null;
