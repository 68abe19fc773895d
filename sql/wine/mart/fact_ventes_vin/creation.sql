create schema if not exists wine;

create table if not exists wine.fact_ventes_vin (
    file_month date not null references wine.dim_mois,
    product_id bigint not null,
    sku text not null,
    nom text,
    prix numeric(12, 2) not null check (prix > 0),
    stock_quantity integer not null,
    stock_status text,
    onsale_web boolean,
    quantite_vendue integer not null check (quantite_vendue >= 0),
    ca numeric(18, 2) not null check (ca = prix * quantite_vendue),
    z_score double precision check (z_score between -1e6 and 1e6), -- neither infinite nor NaN
    classement text not null check (classement in ('premium', 'ordinaire')),
    primary key (file_month, product_id),
    -- Deferred: two products that change places in the link file bear the same reference for a moment.
    unique (file_month, sku) deferrable initially deferred,
    -- Who is premium was decided before the score was rounded: at 2.000000 both are right.
    check (classement = 'ordinaire' or z_score >= 2),
    check (classement = 'premium' or z_score <= 2 or z_score is null)
);

-- Readers follow a product through the months.
create index if not exists fact_ventes_vin_by_product on wine.fact_ventes_vin (product_id, file_month);
