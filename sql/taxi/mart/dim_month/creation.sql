create schema if not exists taxi;

create table if not exists taxi.dim_month (
    month_id integer primary key,
    quarter_id integer not null references taxi.dim_quarter,
    month_of_year smallint not null,
    month_name text not null,
    month_label text not null,
    first_date date not null
);
