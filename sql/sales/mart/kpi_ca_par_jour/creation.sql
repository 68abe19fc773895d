create schema if not exists sales;

create table if not exists sales.kpi_ca_par_jour (
    date date primary key references sales.dim_temps (date) deferrable initially deferred,
    ca_total numeric(18, 2) not null check (ca_total > 0),
    nb_transactions bigint not null check (nb_transactions > 0),
    panier_moyen numeric(18, 2) not null check (panier_moyen > 0)
);
