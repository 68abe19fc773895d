create schema if not exists taxi;

create table if not exists taxi.dim_payment_type (
    payment_type_id smallint primary key,
    payment_type text not null
);
