create schema if not exists sales;

create table if not exists sales.kpi_top_clients (
    id_client bigint primary key references sales.dim_clients deferrable initially deferred,
    nom text not null,
    pays text not null,
    segment text not null check (segment in ('Platinum', 'Gold', 'Silver', 'Bronze')),
    total_ca numeric(18, 2) not null check (total_ca > 0),
    nb_achats bigint not null check (nb_achats > 0),
    premiere_commande date not null,
    derniere_commande date not null check (premiere_commande <= derniere_commande),
    -- Deferred: two clients that change places hold the same rank for a moment.
    rang bigint not null check (rang between 1 and 100) unique deferrable initially deferred
);
