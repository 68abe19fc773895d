-- check: clients_are_those_of_the_dimension
-- severity: fail
-- why: the best clients must be those of dim_clients, all of them, in its order and with its figures
with client as (
    select
        *,
        row_number() over (order by total_ca desc, id_client asc) as rang
    from sales.dim_clients
    where nb_achats > 0
    order by total_ca desc, id_client asc
    limit 100
)

select
    coalesce(best.id_client, client.id_client) as id_client,
    best.rang,
    client.rang as rang_dim,
    best.total_ca,
    client.total_ca as total_ca_dim
from sales.kpi_top_clients as best
full join client on best.id_client = client.id_client
where
    (best.rang, best.nom, best.pays, best.segment, best.total_ca, best.nb_achats) is distinct from
    (client.rang, client.nom, client.pays, client.segment, client.total_ca, client.nb_achats);
