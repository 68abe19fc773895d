-- The work that the ledger has after the entry flocon.last_id, newest first.
select
    dataset,
    step,
    file_month,
    finished_at
from ledger.step_run
where
    step not in ('migrate', 'restore')
    and step_run_id > current_setting('flocon.last_id')::bigint
order by step_run_id desc;
