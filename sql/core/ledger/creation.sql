-- What was done, when, and from which bytes. Rows are only ever added; the newest row of a step is its state.
create schema if not exists ledger;

create table if not exists ledger.step_run (
    step_run_id bigint generated always as identity primary key,
    dataset text not null,
    file_month date,
    step text not null,
    input_fingerprint text not null,
    source_url text,
    etag text,
    last_modified text,
    sha256 text,
    is_synthetic boolean,
    rows bigint,
    amount numeric(18, 2),
    bytes bigint,
    seconds double precision not null,
    schema_seen jsonb,
    facts jsonb not null default '{}',
    run_id text not null,
    finished_at timestamptz not null default clock_timestamp()
);

create index if not exists step_run_by_state on ledger.step_run (dataset, step, file_month, step_run_id desc);

create or replace view ledger.current_step as
select distinct on (dataset, step, file_month) *
from ledger.step_run
order by dataset asc, step asc, file_month asc, step_run_id desc;

-- Write one finished step; `entry` has the columns of ledger.step_run by name.
create or replace function ledger.record(entry jsonb) returns bigint
language sql
as $$
    insert into ledger.step_run (
        dataset, file_month, step, input_fingerprint, source_url, etag, last_modified, sha256, is_synthetic,
        rows, amount, bytes, seconds, schema_seen, facts, run_id
    )
    select
        e.dataset, e.file_month, e.step, e.input_fingerprint, e.source_url, e.etag, e.last_modified, e.sha256, e.is_synthetic,
        e.rows, e.amount, e.bytes, e.seconds, e.schema_seen, coalesce(e.facts, '{}'), e.run_id
    from jsonb_populate_record(null::ledger.step_run, entry) as e
    returning step_run_id
$$;
