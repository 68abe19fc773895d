-- check: every_purchase_once
-- severity: fail
-- why: all that is reported by time or product is summed from here; it must hold each purchase, once, to the cent. The
-- sum of the ids tells a purchase that took the place of another.
with facts as (
    select
        count(*) as nb,
        coalesce(sum(id_achat), 0) as ids,
        coalesce(sum(montant), 0) as ca_total
    from gold.fact_ventes
),

purchases as (
    select
        count(*) as nb,
        coalesce(sum(id_achat), 0) as ids,
        coalesce(sum(montant), 0) as ca_total
    from silver.achats
)

select
    facts.nb as nb_of_facts,
    purchases.nb as nb_of_purchases,
    facts.ids as ids_of_facts,
    purchases.ids as ids_of_purchases,
    facts.ca_total as ca_of_facts,
    purchases.ca_total as ca_of_purchases
from facts
inner join purchases
    on facts.nb <> purchases.nb or facts.ids <> purchases.ids or facts.ca_total <> purchases.ca_total;

-- check: every_dimension_is_there
-- severity: fail
-- why: the mart enforces these keys and would refuse all tables; here the row is named.
select distinct
    ventes.id_client,
    ventes.id_produit,
    ventes.date
from gold.fact_ventes as ventes
left join gold.dim_clients as clients on ventes.id_client = clients.id_client
left join gold.dim_produits as produits on ventes.id_produit = produits.id_produit
left join gold.dim_temps as temps on ventes.date = temps.date
where clients.id_client is null or produits.id_produit is null or temps.date is null;
