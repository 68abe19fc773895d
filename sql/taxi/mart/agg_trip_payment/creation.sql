create schema if not exists taxi;

create table if not exists taxi.agg_trip_payment (
    service_id smallint not null references taxi.dim_service,
    file_month date not null,
    pickup_date date not null references taxi.dim_date,
    pickup_hour smallint not null references taxi.dim_hour,
    payment_type_id smallint not null references taxi.dim_payment_type,
    trips bigint not null,
    passengers bigint not null,
    distance_miles numeric(16, 2) not null,
    duration_s bigint not null,
    fare_amount numeric(14, 2) not null,
    tip_amount numeric(14, 2) not null,
    total_amount numeric(14, 2) not null,
    primary key (service_id, file_month, pickup_date, pickup_hour, payment_type_id)
);

-- Readers ask for days, whichever file they came in.
create index if not exists agg_trip_payment_by_date on taxi.agg_trip_payment (pickup_date);
