-- check: products_are_those_of_the_dimension
-- severity: fail
-- why: two tables tell how often a product was sold and between which amounts, and must tell the same
select
    coalesce(stats.produit, product.produit) as produit,
    stats.count,
    product.nb_ventes,
    stats.min,
    product.prix_min,
    stats.max,
    product.prix_max
from sales.kpi_stats_distribution as stats
full join sales.dim_produits as product on stats.produit = product.produit
where
    (stats.count, stats.mean, stats.min, stats.max) is distinct from
    (product.nb_ventes, product.prix_moyen, product.prix_min, product.prix_max);
