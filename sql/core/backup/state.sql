-- What the ledger says was done, down to the entry flocon.last_id: two servers with the same digest went the same way.
-- Migrating and restoring are not work that could be lost.
select
    count(*) as entries,
    coalesce(max(step_run_id), 0) as last_id,
    max(finished_at) as last_finished_at,
    md5(
        coalesce(
            string_agg(
                concat_ws('|', step_run_id, dataset, step, file_month, run_id, extract(epoch from finished_at)),
                ';' order by step_run_id
            ),
            ''
        )
    ) as digest
from ledger.step_run
where
    step not in ('migrate', 'restore')
    and step_run_id <= current_setting('flocon.last_id')::bigint;
