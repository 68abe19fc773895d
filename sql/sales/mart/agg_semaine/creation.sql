create schema if not exists sales;

create table if not exists sales.agg_semaine (
    annee integer not null check (annee = extract(isoyear from debut)),
    semaine integer not null check (semaine = extract(week from debut)),
    debut date not null unique check (extract(isodow from debut) = 1),
    ca_total numeric(18, 2) not null check (ca_total > 0),
    nb_transactions bigint not null check (nb_transactions > 0),
    nb_clients_uniques bigint not null check (nb_clients_uniques between 1 and nb_transactions),
    panier_moyen numeric(18, 2) not null check (panier_moyen > 0),
    primary key (annee, semaine)
);
