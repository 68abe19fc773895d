create schema if not exists reference;

create table if not exists reference.trip_type (
    trip_type_id smallint primary key,
    trip_type text not null unique
);
