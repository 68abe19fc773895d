create schema if not exists sales;

create table if not exists sales.dim_clients (
    id_client bigint primary key,
    nom text not null,
    email text not null,
    date_inscription date not null,
    pays text not null,
    nb_achats bigint not null check (nb_achats >= 0),
    total_ca numeric(18, 2) not null check (total_ca >= 0),
    premiere_commande date,
    derniere_commande date,
    segment text not null check (segment in ('Platinum', 'Gold', 'Silver', 'Bronze')),
    check (premiere_commande <= derniere_commande),
    check ((nb_achats = 0) = (premiere_commande is null) and (nb_achats = 0) = (derniere_commande is null))
);

create index if not exists dim_clients_by_country on sales.dim_clients (pays, segment);
