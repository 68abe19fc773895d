create schema if not exists sales;

-- The percentiles are named as the readers of this table know them, from pandas:
-- sqlfluff:rules:references.special_chars:additional_allowed_characters:%
create table if not exists sales.kpi_stats_distribution (
    produit text primary key references sales.dim_produits (produit) deferrable initially deferred,
    count bigint not null check (count > 0),
    mean numeric(18, 2) not null,
    std numeric(18, 2) check (std >= 0),
    min numeric(18, 2) not null check (min > 0),
    "25%" numeric(18, 2) not null,
    "50%" numeric(18, 2) not null,
    "75%" numeric(18, 2) not null,
    max numeric(18, 2) not null,
    check ((std is null) = (count = 1)),
    check (min <= "25%" and "25%" <= "50%" and "50%" <= "75%" and "75%" <= max and mean between min and max)
);
