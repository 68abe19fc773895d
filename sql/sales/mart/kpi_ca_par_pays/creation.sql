create schema if not exists sales;

create table if not exists sales.kpi_ca_par_pays (
    pays text primary key,
    ca_total numeric(18, 2) not null check (ca_total > 0),
    nb_transactions bigint not null check (nb_transactions > 0),
    nb_clients bigint not null check (nb_clients between 1 and nb_transactions),
    panier_moyen numeric(18, 2) not null check (panier_moyen > 0),
    part_ca double precision not null check (part_ca between 0 and 100)
);
