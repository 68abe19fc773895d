-- check: words_are_those_of_the_dimensions
-- severity: fail
-- why: product and segment stand in the fact to spare readers a join, which must not give another answer
select
    fact.id_achat,
    fact.produit,
    product.produit as produit_dim,
    fact.segment_client,
    client.segment as segment_dim
from sales.fact_ventes as fact
inner join sales.dim_produits as product on fact.id_produit = product.id_produit
inner join sales.dim_clients as client on fact.id_client = client.id_client
where fact.produit <> product.produit or fact.segment_client <> client.segment;
