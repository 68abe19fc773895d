create schema if not exists taxi;

create table if not exists taxi.dim_borough (
    borough_id smallint primary key,
    borough text not null
);
