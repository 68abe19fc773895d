create schema if not exists sales;

create table if not exists sales.kpi_ca_par_mois (
    mois text primary key check (mois ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    ca_total numeric(18, 2) not null check (ca_total > 0),
    nb_transactions bigint not null check (nb_transactions > 0),
    panier_moyen numeric(18, 2) not null check (panier_moyen > 0),
    nb_clients_uniques bigint not null check (nb_clients_uniques between 1 and nb_transactions),
    taux_croissance double precision check (taux_croissance >= -100)
);
