-- check: one_row
-- severity: fail
-- why: readers take the first row for the only one.
select count(*) as row_count
from gold.kpis
having count(*) <> 1;

-- check: headline_is_the_sum_of_the_tables
-- severity: fail
-- why: the first number a reader sees must be the one that the tables below it add up to.
with products as (
    select
        coalesce(sum(ca_total), 0) as ca_total,
        coalesce(sum(nb_ventes), 0) as nb,
        count(*) as nb_produits
    from gold.dim_produits
),

months as (
    select coalesce(sum(ca_total), 0) as ca_total
    from gold.kpi_ca_par_mois
)

select
    kpis.ca_total,
    products.ca_total as ca_by_product,
    months.ca_total as ca_by_month,
    kpis.nb_transactions,
    products.nb as nb_by_product
from gold.kpis
cross join products
cross join months
where
    kpis.ca_total <> products.ca_total
    or kpis.ca_total <> months.ca_total
    or kpis.nb_transactions <> products.nb
    or kpis.nb_produits <> products.nb_produits;

-- check: active_clients_are_clients
-- severity: fail
-- why: more buyers than clients would mean that clients are missing.
select *
from gold.kpis
where nb_clients_actifs > nb_clients or nb_clients <> (select count(*) from gold.dim_clients);
