create schema if not exists wine;

create table if not exists wine.ca_mensuel (
    file_month date primary key references wine.dim_mois,
    ca numeric(18, 2) not null check (ca >= 0),
    nb_produits bigint not null check (nb_produits >= 0),
    nb_vendus bigint not null check (nb_vendus between 0 and nb_produits),
    nb_premium bigint not null check (nb_premium between 0 and nb_produits),
    prix_moyen numeric(18, 2) check (prix_moyen > 0),
    prix_ecart_type numeric(18, 2) check (prix_ecart_type >= 0),
    check ((prix_moyen is null) = (nb_produits = 0)),
    check ((prix_ecart_type is null) = (nb_produits < 2))
);
