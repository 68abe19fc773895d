create schema if not exists sales;

create table if not exists sales.kpis (
    perimetre text primary key check (perimetre = 'total'),
    ca_total numeric(18, 2) not null check (ca_total >= 0),
    nb_transactions bigint not null check (nb_transactions >= 0),
    panier_moyen numeric(18, 2) check (panier_moyen > 0),
    nb_clients bigint not null check (nb_clients >= nb_clients_actifs),
    nb_clients_actifs bigint not null check (nb_clients_actifs between 0 and nb_transactions),
    nb_produits bigint not null check (nb_produits between 0 and nb_transactions),
    premiere_vente date,
    derniere_vente date check (premiere_vente <= derniere_vente),
    ca_dernier_mois numeric(18, 2) check (ca_dernier_mois > 0),
    meilleur_mois text check (meilleur_mois ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    meilleur_produit text
);
