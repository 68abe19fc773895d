create schema if not exists reference;

create table if not exists reference.rate_code (
    rate_code_id smallint primary key,
    rate_code text not null unique
);
