-- As published: a month is one partition, replaced whole. The partition key comes first, so that the columns
-- the publisher adds later, which go to the end, follow the published ones.
create schema if not exists raw;

create table if not exists raw.yellow_trip (
    file_month date not null,
    vendorid integer,
    tpep_pickup_datetime timestamp,
    tpep_dropoff_datetime timestamp,
    passenger_count integer,
    trip_distance double precision,
    ratecodeid integer,
    store_and_fwd_flag text,
    pulocationid integer,
    dolocationid integer,
    payment_type integer,
    fare_amount double precision,
    extra double precision,
    mta_tax double precision,
    tip_amount double precision,
    tolls_amount double precision,
    improvement_surcharge double precision,
    total_amount double precision,
    congestion_surcharge double precision,
    airport_fee double precision,
    cbd_congestion_fee double precision,
    request_source text
) partition by list (file_month);
