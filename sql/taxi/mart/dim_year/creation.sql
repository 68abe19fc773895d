create schema if not exists taxi;

create table if not exists taxi.dim_year (
    year_id smallint primary key,
    year_label text not null
);
