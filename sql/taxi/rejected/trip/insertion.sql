-- Replaces the rejected rows of the session's service and month.
-- The temporary table is there because INSERT … SELECT cannot use parallel workers, and the whole month is scanned.
-- Naming the rules tells the planner that few rows will be found; for `is not null` it expects all of them.
delete from rejected.trip
where
    service_id = (select month.service_id from staging.month)
    and file_month = (select month.file_month from staging.month);

create temporary table trip_of_month on commit drop as
select
    service_id,
    file_month,
    reject_rule,
    pickup_at,
    dropoff_at,
    staging.counted_cents(total_amount) as total_cents,
    as_published
from staging.trip
where reject_rule = any(array(select rule from rejected.rule));

insert into rejected.trip (
    service_id, file_month, rule, reason, pickup_at, dropoff_at, total_cents, as_published, run_id
)
select
    found.service_id,
    found.file_month,
    rule.rule,
    rule.description,
    found.pickup_at,
    found.dropoff_at,
    found.total_cents,
    found.as_published,
    current_setting('flocon.run_id') as run_id
from trip_of_month as found
inner join rejected.rule on found.service_id = rule.service_id and found.reject_rule = rule.rule;

drop table trip_of_month;
