create schema if not exists taxi;

create table if not exists taxi.dim_quarter (
    quarter_id integer primary key,
    year_id smallint not null references taxi.dim_year,
    quarter_of_year smallint not null,
    quarter_label text not null
);
