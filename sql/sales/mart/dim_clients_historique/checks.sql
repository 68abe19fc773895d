-- check: versions_follow_each_other
-- severity: fail
-- why: a client is in one country and one segment on any day, and a version that repeats the one before it is none
with in_order as (
    select
        id_client,
        version,
        pays,
        segment,
        valide_du,
        lag(version, 1, 0) over client as version_before,
        lag(pays) over client as pays_before,
        lag(segment) over client as segment_before,
        lag(coalesce(valide_au, 'infinity')) over client as valide_before
    from sales.dim_clients_historique
    window client as (partition by id_client order by version)
)

select
    id_client,
    version,
    valide_du,
    valide_before
from in_order
where
    version <> version_before + 1
    or valide_du < valide_before
    or (valide_du = valide_before and pays = pays_before and segment = segment_before);

-- check: open_versions_are_the_clients
-- severity: fail
-- why: what readers see of a client now and what the history says of now must be the same
with said as (
    select
        id_client,
        pays,
        segment
    from sales.dim_clients_historique
    where valide_au is null
)

select
    coalesce(client.id_client, said.id_client) as id_client,
    client.pays,
    said.pays as pays_historique,
    client.segment,
    said.segment as segment_historique
from sales.dim_clients as client
full join said on client.id_client = said.id_client
where (client.pays, client.segment) is distinct from (said.pays, said.segment);
