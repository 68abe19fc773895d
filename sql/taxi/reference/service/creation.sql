create schema if not exists reference;

create table if not exists reference.service (
    service_id smallint primary key,
    service text not null unique,
    label text not null,
    pickup_days_before smallint not null,
    pickup_days_after smallint not null
);
