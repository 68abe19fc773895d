create schema if not exists taxi;

create table if not exists taxi.dim_service_zone (
    service_zone_id smallint primary key,
    service_zone text not null
);
