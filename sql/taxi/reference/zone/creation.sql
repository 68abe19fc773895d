-- 'N/A' and 'Unknown' are the publisher's words, not nulls.
create schema if not exists reference;

create table if not exists reference.zone (
    zone_id smallint primary key,
    borough text not null check (borough <> ''),
    zone text not null check (zone <> ''),
    service_zone text not null check (service_zone <> '')
);
