-- check: every_client_once
-- severity: fail
-- why: facts and rankings join to it; a client that is there twice doubles its purchases, one that is not there
-- loses them.
select
    coalesce(clients.id_client, dim_clients.id_client) as id_client,
    count(dim_clients.id_client) as row_count
from silver.clients
full join gold.dim_clients on clients.id_client = dim_clients.id_client
group by coalesce(clients.id_client, dim_clients.id_client)
having count(dim_clients.id_client) <> 1 or count(clients.id_client) = 0;

-- check: turnover_is_that_of_the_purchases
-- severity: fail
-- why: countries, top clients and headline numbers are made of these sums; a cent that is lost here is lost everywhere.
with by_client as (
    select
        coalesce(sum(total_ca), 0) as ca_total,
        coalesce(sum(nb_achats), 0) as nb_achats
    from gold.dim_clients
),

purchases as (
    select
        coalesce(sum(montant), 0) as ca_total,
        count(*) as nb_achats
    from silver.achats
)

select
    by_client.ca_total as ca_by_client,
    purchases.ca_total as ca_of_purchases,
    by_client.nb_achats as nb_by_client,
    purchases.nb_achats as nb_of_purchases
from by_client
inner join purchases on by_client.ca_total <> purchases.ca_total or by_client.nb_achats <> purchases.nb_achats;

-- check: segment_within_its_set
-- severity: fail
-- why: readers filter and colour by these four words.
select
    id_client,
    segment
from gold.dim_clients
where segment is null or segment not in ('Platinum', 'Gold', 'Silver', 'Bronze');

-- check: purchases_and_days_agree
-- severity: fail
-- why: who bought has a first and a last day, in this order; who did not has neither, and no turnover.
select *
from gold.dim_clients
where
    coalesce(nb_achats > 0, true) <> coalesce(total_ca > 0, false)
    or coalesce(nb_achats > 0, true) <> coalesce(premiere_commande <= derniere_commande, false);
