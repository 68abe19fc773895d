create schema if not exists taxi;

create table if not exists taxi.dim_hour (
    hour_id smallint primary key,
    hour_label text not null,
    day_part_id smallint not null references taxi.dim_day_part
);
