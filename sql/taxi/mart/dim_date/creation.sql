create schema if not exists taxi;

create table if not exists taxi.dim_date (
    date_id date primary key,
    month_id integer not null references taxi.dim_month,
    day_of_month smallint not null,
    day_of_week smallint not null,
    day_name text not null,
    is_weekend boolean not null
);
