-- check: sales_are_those_of_the_fact
-- severity: fail
-- why: what a product brought and the purchases themselves must tell the same, to the row and the cent
with fact as (
    select
        id_produit,
        count(*) as nb_ventes,
        sum(montant) as ca_total,
        min(montant) as prix_min,
        max(montant) as prix_max
    from sales.fact_ventes
    group by id_produit
)

select
    coalesce(product.id_produit, fact.id_produit) as id_produit,
    product.nb_ventes,
    fact.nb_ventes as nb_ventes_fact,
    product.ca_total,
    fact.ca_total as ca_total_fact
from sales.dim_produits as product
full join fact on product.id_produit = fact.id_produit
where
    (product.nb_ventes, product.ca_total, product.prix_min, product.prix_max) is distinct from
    (fact.nb_ventes, fact.ca_total, fact.prix_min, fact.prix_max);
