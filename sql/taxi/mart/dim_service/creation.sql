create schema if not exists taxi;

create table if not exists taxi.dim_service (
    service_id smallint primary key,
    service text not null,
    label text not null,
    pickup_days_before smallint not null,
    pickup_days_after smallint not null
);
