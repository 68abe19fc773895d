create schema if not exists taxi;

create table if not exists taxi.dim_vendor (
    vendor_id smallint primary key,
    vendor text not null
);
