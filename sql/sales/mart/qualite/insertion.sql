-- Shows the session's quality report (flocon.quality), an array of objects: a silver table, a reason, the reason in
-- words, the rows that it is the reason for, and the rows received.
delete from sales.qualite as shown
where
    not exists (
        select 1
        from jsonb_to_recordset(current_setting('flocon.quality')::jsonb) as told (table_silver text, raison text)
        where told.table_silver = shown.table_silver and told.raison = shown.raison
    );

insert into sales.qualite as shown
select
    told.table_silver,
    told.raison,
    told.description,
    told.lignes,
    coalesce(round(100.0 * told.lignes / nullif(told.rows_in, 0), 2), 0)::double precision as part
from
    jsonb_to_recordset(current_setting('flocon.quality')::jsonb)
        as told (table_silver text, raison text, description text, lignes bigint, rows_in bigint)
on conflict (table_silver, raison) do update
    set
        description = excluded.description,
        lignes = excluded.lignes,
        part = excluded.part
    where
    (shown.description, shown.lignes, shown.part)
    is distinct from (excluded.description, excluded.lignes, excluded.part);
