-- check: one_row_per_id
-- severity: fail
-- why: an id has 48 bits of the name's hash; should two names ever share one, their sales would be taken together.
select
    id_produit,
    count(*) as row_count
from gold.dim_produits
group by id_produit
having count(*) > 1;

-- check: sums_are_those_of_the_purchases
-- severity: fail
-- why: every purchase is of one product; a cent that is lost here contradicts the other tables.
with by_product as (
    select
        coalesce(sum(ca_total), 0) as ca_total,
        coalesce(sum(nb_ventes), 0) as nb_ventes
    from gold.dim_produits
),

purchases as (
    select
        coalesce(sum(montant), 0) as ca_total,
        count(*) as nb_ventes
    from silver.achats
)

select
    by_product.ca_total as ca_by_product,
    purchases.ca_total as ca_of_purchases,
    by_product.nb_ventes as nb_by_product,
    purchases.nb_ventes as nb_of_purchases
from by_product
inner join purchases on by_product.ca_total <> purchases.ca_total or by_product.nb_ventes <> purchases.nb_ventes;

-- check: prices_in_order
-- severity: fail
-- why: an average outside the lowest and the highest price was rounded or divided wrongly.
select *
from gold.dim_produits
where prix_min <= 0 or prix_moyen not between prix_min and prix_max;
