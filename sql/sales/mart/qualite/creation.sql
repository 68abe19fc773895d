create schema if not exists sales;

create table if not exists sales.qualite (
    table_silver text not null,
    raison text not null,
    description text not null,
    lignes bigint not null check (lignes >= 0),
    part double precision not null check (part between 0 and 100),
    primary key (table_silver, raison)
);
