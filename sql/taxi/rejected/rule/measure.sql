-- The rules of the session's service with the rows of its month that each reject rule kept out, and on every row the
-- totals of the whole month as it is in raw. What the flag rules touch is counted in the fact, where it costs less.
with totals as (
    select
        count(*) as total_rows,
        coalesce(sum(staging.counted_cents(total_amount)), 0) as total_cents
    from staging.trip
),

rejected as (
    select
        trip.rule,
        count(*) as rows
    from rejected.trip
    where
        trip.service_id = (select month.service_id from staging.month)
        and trip.file_month = (select month.file_month from staging.month)
    group by trip.rule
)

select
    rule.rule,
    rule.action,
    rule.description,
    case rule.action when 'reject' then coalesce(rejected.rows, 0) end as rows,
    rule.warn_share,
    rule.fail_share,
    totals.total_rows,
    totals.total_cents
from rejected.rule
cross join totals
left join rejected on rule.rule = rejected.rule
where rule.service = current_setting('flocon.service')
order by rule.action desc, rule.rule asc;
