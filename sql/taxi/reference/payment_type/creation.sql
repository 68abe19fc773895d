create schema if not exists reference;

create table if not exists reference.payment_type (
    payment_type_id smallint primary key,
    payment_type text not null unique
);
