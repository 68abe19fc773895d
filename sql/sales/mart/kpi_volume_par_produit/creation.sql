create schema if not exists sales;

create table if not exists sales.kpi_volume_par_produit (
    produit text primary key references sales.dim_produits (produit) deferrable initially deferred,
    nb_ventes bigint not null check (nb_ventes > 0),
    ca_total numeric(18, 2) not null check (ca_total > 0),
    prix_moyen numeric(18, 2) not null check (prix_moyen > 0),
    nb_clients bigint not null check (nb_clients between 1 and nb_ventes),
    -- Deferred: two products that change places hold the same rank for a moment.
    rang bigint not null check (rang > 0) unique deferrable initially deferred
);
