-- Rows of raw.* that the mart does not show, whole, with the reason in words.
create schema if not exists rejected;

create table if not exists rejected.trip (
    service_id smallint not null references reference.service,
    file_month date not null,
    rule text not null,
    reason text not null,
    pickup_at timestamp,
    dropoff_at timestamp,
    total_cents bigint not null,
    as_published jsonb not null,
    run_id text not null,
    rejected_at timestamptz not null default current_timestamp
);

create index if not exists trip_by_month on rejected.trip (service_id, file_month);
