with ventes as (
    select
        produit,
        count(*) as nb_ventes,
        cast(sum(montant) as numeric(18, 2)) as ca_total,
        cast(sum(montant) * 100 as bigint) as cents,
        cast(min(montant) as numeric(18, 2)) as prix_min,
        cast(max(montant) as numeric(18, 2)) as prix_max
    from silver.achats
    group by produit
)

select
    -- Made of the name alone, so that it stays the same whatever else is sold.
    substr(md5(produit), 1, 12) as id_produit,
    produit,
    nb_ventes,
    ca_total,
    -- Half up to the cent, in whole cents: a floating-point number would lose some.
    cast((2 * cents + nb_ventes) // (2 * nb_ventes) * 0.01 as numeric(18, 2)) as prix_moyen,
    prix_min,
    prix_max
from ventes
order by produit
