create schema if not exists sales;

-- The foreign keys of this schema are checked at the end of a publication, not after each statement: one MERGE a table
-- takes away what is gone together with what it brings (flocon.replace_rows), and no order of tables would suit both.
create table if not exists sales.fact_ventes (
    id_achat bigint primary key,
    id_client bigint not null references sales.dim_clients deferrable initially deferred,
    id_produit text not null references sales.dim_produits deferrable initially deferred,
    date_achat date not null,
    date date not null references sales.dim_temps (date) deferrable initially deferred,
    mois text not null check (mois ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    annee integer not null check (annee = extract(year from date)),
    produit text not null,
    montant numeric(18, 2) not null check (montant > 0),
    segment_client text not null check (segment_client in ('Platinum', 'Gold', 'Silver', 'Bronze')),
    check (date = date_achat),
    check (left(mois, 4)::integer = annee and right(mois, 2)::integer = extract(month from date))
);

-- Readers ask for days, clients and products; and what is gone from a dimension is looked up here.
create index if not exists fact_ventes_by_date on sales.fact_ventes (date);
create index if not exists fact_ventes_by_client on sales.fact_ventes (id_client);
create index if not exists fact_ventes_by_product on sales.fact_ventes (id_produit);
