create schema if not exists wine;

create table if not exists wine.tests_qualite (
    file_month date not null references wine.dim_mois,
    nom text not null,
    severite text not null check (severite in ('fail', 'warn')),
    attendu text not null,
    trouve text not null,
    resultat text not null check (resultat in ('ok', 'alerte', 'échec')),
    description text not null,
    primary key (file_month, nom),
    check (resultat = 'ok' or (severite = 'fail') = (resultat = 'échec'))
);
