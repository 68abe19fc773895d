create schema if not exists taxi;

create table if not exists taxi.dim_rate_code (
    rate_code_id smallint primary key,
    rate_code text not null
);
