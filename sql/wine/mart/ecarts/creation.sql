create schema if not exists wine;

create table if not exists wine.ecarts (
    file_month date not null references wine.dim_mois,
    source text not null check (source in ('erp', 'web', 'liaison')),
    cle text not null,
    nom text,
    raison text not null,
    primary key (file_month, source, cle)
);

create index if not exists ecarts_by_reason on wine.ecarts (file_month, raison);
