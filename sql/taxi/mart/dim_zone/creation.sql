create schema if not exists taxi;

create table if not exists taxi.dim_zone (
    zone_id smallint primary key,
    zone text not null,
    borough_id smallint not null references taxi.dim_borough,
    service_zone_id smallint not null references taxi.dim_service_zone
);
