-- check: products_are_those_of_the_dimension
-- severity: fail
-- why: two tables tell how often a product was sold and what it brought, and must tell the same
select
    coalesce(ranked.produit, product.produit) as produit,
    ranked.nb_ventes,
    product.nb_ventes as nb_ventes_dim,
    ranked.ca_total,
    product.ca_total as ca_total_dim
from sales.kpi_volume_par_produit as ranked
full join sales.dim_produits as product on ranked.produit = product.produit
where
    (ranked.nb_ventes, ranked.ca_total, ranked.prix_moyen) is distinct from
    (product.nb_ventes, product.ca_total, product.prix_moyen);
