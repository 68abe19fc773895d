create schema if not exists wine;

create table if not exists wine.dim_mois (
    file_month date primary key check (extract(day from file_month) = 1),
    annee integer not null check (annee = extract(year from file_month)),
    trimestre integer not null check (trimestre = extract(quarter from file_month)),
    mois integer not null check (mois = extract(month from file_month)),
    nom text not null,
    libelle text not null unique check (libelle = nom || ' ' || annee)
);
