create schema if not exists reference;

create table if not exists reference.vendor (
    vendor_id smallint primary key,
    vendor text not null unique
);
