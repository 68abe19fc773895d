-- As published: a month is one partition, replaced whole. The partition key comes first, so that the columns
-- the publisher adds later, which go to the end, follow the published ones.
create schema if not exists raw;

create table if not exists raw.green_trip (
    file_month date not null,
    vendorid integer,
    lpep_pickup_datetime timestamp,
    lpep_dropoff_datetime timestamp,
    store_and_fwd_flag text,
    ratecodeid integer,
    pulocationid integer,
    dolocationid integer,
    passenger_count integer,
    trip_distance double precision,
    fare_amount double precision,
    extra double precision,
    mta_tax double precision,
    tip_amount double precision,
    tolls_amount double precision,
    ehail_fee double precision,
    improvement_surcharge double precision,
    total_amount double precision,
    payment_type integer,
    trip_type integer,
    congestion_surcharge double precision,
    cbd_congestion_fee double precision,
    request_source text
) partition by list (file_month);
