-- check: every_row_received_is_kept_or_refused
-- severity: fail
-- why: rows received = rows kept + rows refused with a reason, or rows were lost on their way
select
    qualite.table_silver,
    sum(qualite.lignes) as lignes,
    min(report.rows_in) as rows_in
from sales.qualite as qualite
left join
    jsonb_to_recordset(current_setting('flocon.quality')::jsonb)
        as report (table_silver text, raison text, rows_in bigint)
    on qualite.table_silver = report.table_silver and qualite.raison = report.raison
group by qualite.table_silver
having sum(qualite.lignes) is distinct from min(report.rows_in) or min(report.rows_in) <> max(report.rows_in);

-- check: rows_kept_are_shown
-- severity: fail
-- why: each row that silver kept is a client or a purchase here; else gold was made from another silver: make it anew
with shown as (
    select
        'clients' as table_silver,
        count(*) as row_count
    from sales.dim_clients
    union all
    select
        'achats' as table_silver,
        count(*) as row_count
    from sales.fact_ventes
)

select
    shown.table_silver,
    shown.row_count,
    qualite.lignes
from shown
left join sales.qualite as qualite on shown.table_silver = qualite.table_silver and qualite.raison = 'kept'
where shown.row_count is distinct from qualite.lignes;
