create schema if not exists taxi;

create table if not exists taxi.dim_trip_type (
    trip_type_id smallint primary key,
    trip_type text not null
);
