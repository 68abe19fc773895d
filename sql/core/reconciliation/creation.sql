-- The equation of every published month: rows and amounts of the source = warehouse = fact + rejected.
create schema if not exists ledger;

create table if not exists ledger.month_balance (
    service text not null,
    file_month date not null,
    is_synthetic boolean not null,
    source_url text not null,
    rows_source bigint not null,
    rows_warehouse bigint not null,
    rows_fact bigint not null,
    rows_rejected bigint not null,
    amount_source numeric(18, 2) not null,
    amount_warehouse numeric(18, 2) not null,
    amount_fact numeric(18, 2) not null,
    amount_rejected numeric(18, 2) not null,
    run_id text not null,
    published_at timestamptz not null default clock_timestamp(),
    primary key (service, file_month)
);

comment on table ledger.month_balance is
'One row a published service and month; amounts are sums of total_amount in US dollars';

create or replace view ledger.reconciliation as
select
    service,
    file_month,
    rows_source,
    rows_warehouse,
    rows_fact,
    rows_rejected,
    amount_source,
    amount_warehouse,
    amount_fact,
    amount_rejected,
    rows_source = rows_warehouse and rows_warehouse = rows_fact + rows_rejected
    and amount_source = amount_warehouse and amount_warehouse = amount_fact + amount_rejected as is_balanced,
    is_synthetic
from ledger.month_balance
order by service, file_month;

-- How many of a month's rows each rule touched, against the shares from which it warns or fails.
create table if not exists ledger.rule_share (
    service text not null,
    file_month date not null,
    rule text not null,
    action text not null check (action in ('reject', 'flag')),
    rows bigint not null,
    share double precision not null,
    warn_share double precision,
    fail_share double precision,
    outcome text not null check (outcome in ('ok', 'warn', 'fail')),
    primary key (service, file_month, rule)
);

-- Replace the balance of one month; `balance` has the columns of ledger.month_balance by name.
create or replace function ledger.record_balance(balance jsonb) returns setof ledger.reconciliation
language plpgsql
as $$
declare
    b ledger.month_balance := jsonb_populate_record(null::ledger.month_balance, balance);
begin
    b.published_at := clock_timestamp();
    delete from ledger.month_balance where service = b.service and file_month = b.file_month;
    insert into ledger.month_balance values (b.*);
    return query select * from ledger.reconciliation where service = b.service and file_month = b.file_month;
end;
$$;

-- Replace the rule shares of one month; `shares` is an array of objects with the columns of ledger.rule_share by name.
create or replace function ledger.record_rule_shares(of_service text, of_month date, shares jsonb) returns void
language sql
as $$
    delete from ledger.rule_share where service = of_service and file_month = of_month;
    insert into ledger.rule_share
    select
        of_service, of_month, s.rule, s.action, s.rows, s.share, s.warn_share, s.fail_share, s.outcome
    from jsonb_populate_recordset(null::ledger.rule_share, shares) as s
$$;
