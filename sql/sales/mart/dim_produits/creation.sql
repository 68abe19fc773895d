create schema if not exists sales;

create table if not exists sales.dim_produits (
    id_produit text primary key check (id_produit ~ '^[0-9a-f]{12}$'),
    produit text not null unique,
    nb_ventes bigint not null check (nb_ventes > 0),
    ca_total numeric(18, 2) not null check (ca_total > 0),
    prix_moyen numeric(18, 2) not null,
    prix_min numeric(18, 2) not null check (prix_min > 0),
    prix_max numeric(18, 2) not null,
    check (prix_min <= prix_moyen and prix_moyen <= prix_max)
);
