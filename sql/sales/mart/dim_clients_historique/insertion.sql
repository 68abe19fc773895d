-- Brings the history up to sales.dim_clients as it is on the session's date (flocon.as_of), which no date that the
-- history already knows is after. Versions that still hold are not touched.

-- What was said earlier on that same day and no longer holds was corrected: it never held for a day, so it goes.
delete from sales.dim_clients_historique as said
where
    said.valide_du = current_setting('flocon.as_of')::date
    and not exists (
        select 1
        from sales.dim_clients as client
        where client.id_client = said.id_client and client.pays = said.pays and client.segment = said.segment
    );

-- The version that was closed on that day holds on, when the correction leads back to it.
update sales.dim_clients_historique as said
set valide_au = null
from sales.dim_clients as client
where
    client.id_client = said.id_client and client.pays = said.pays and client.segment = said.segment
    and said.valide_au = current_setting('flocon.as_of')::date
    and not exists (
        select 1
        from sales.dim_clients_historique as later
        where later.id_client = said.id_client and later.version > said.version
    );

-- A version ends when the client changed country or segment, or is gone.
update sales.dim_clients_historique as said
set valide_au = current_setting('flocon.as_of')::date
where
    said.valide_au is null
    and not exists (
        select 1
        from sales.dim_clients as client
        where client.id_client = said.id_client and client.pays = said.pays and client.segment = said.segment
    );

-- Whoever has no open version now gets the next one: new clients, changed ones, and those who came back.
insert into sales.dim_clients_historique
select
    client.id_client,
    coalesce(max(said.version), 0) + 1 as version,
    client.pays,
    client.segment,
    current_setting('flocon.as_of')::date as valide_du,
    null as valide_au
from sales.dim_clients as client
left join sales.dim_clients_historique as said on client.id_client = said.id_client
group by client.id_client
having count(*) filter (where said.version is not null and said.valide_au is null) = 0;
