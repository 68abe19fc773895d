create schema if not exists sales;

create table if not exists sales.dim_temps (
    id_date integer primary key,
    date date not null unique,
    jour integer not null check (jour = extract(day from date)),
    mois integer not null check (mois = extract(month from date)),
    annee integer not null check (annee = extract(year from date)),
    trimestre integer not null check (trimestre = extract(quarter from date)),
    semaine integer not null check (semaine = extract(week from date)),
    jour_semaine integer not null check (jour_semaine = extract(isodow from date) - 1),
    nom_jour text not null check (
        nom_jour in ('lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi', 'dimanche')
    ),
    nom_mois text not null check (
        nom_mois in (
            'janvier', 'février', 'mars', 'avril', 'mai', 'juin',
            'juillet', 'août', 'septembre', 'octobre', 'novembre', 'décembre'
        )
    ),
    est_weekend boolean not null check (est_weekend = (jour_semaine >= 5)),
    check (id_date = annee * 10000 + mois * 100 + jour)
);
