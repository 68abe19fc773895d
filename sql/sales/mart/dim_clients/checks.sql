-- check: purchases_are_those_of_the_fact
-- severity: fail
-- why: what a client bought and the purchases themselves must tell the same, to the row and the cent
with fact as (
    select
        id_client,
        count(*) as nb_achats,
        sum(montant) as total_ca,
        min(date) as premiere_commande,
        max(date) as derniere_commande
    from sales.fact_ventes
    group by id_client
)

select
    client.id_client,
    client.nb_achats,
    fact.nb_achats as nb_achats_fact,
    client.total_ca,
    fact.total_ca as total_ca_fact
from sales.dim_clients as client
full join fact on client.id_client = fact.id_client
where
    (client.nb_achats, client.total_ca, client.premiere_commande, client.derniere_commande) is distinct from
    (coalesce(fact.nb_achats, 0), coalesce(fact.total_ca, 0), fact.premiere_commande, fact.derniere_commande);
