create schema if not exists taxi;

create table if not exists taxi.dim_day_part (
    day_part_id smallint primary key,
    day_part text not null,
    first_hour smallint not null,
    last_hour smallint not null
);
