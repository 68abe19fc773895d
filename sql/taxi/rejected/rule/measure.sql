-- How many rows of the session's month each rule touches; every row also carries the totals of the whole month.
-- Read only: one scan of the month, grouped by the rejecting rule so that the rule is computed once a row.
with grouped as (
    select
        reject_rule,
        count(*) as rows,
        sum(staging.counted_cents(total_amount)) as cents,
        count(*) filter (where passenger_count is null and rate_code_id = -1) as null_block,
        count(*) filter (where fare_cents < 0) as negative_fare,
        count(*) filter (where distance_miles = 0) as zero_distance,
        count(*) filter (where pickup_at = dropoff_at) as zero_duration,
        count(*) filter (where vendor_id = -1) as unknown_vendor,
        count(*) filter (where rate_code_id = -1 and passenger_count is not null) as unknown_rate_code,
        count(*) filter (where payment_type_id = -1 and passenger_count is not null) as unknown_payment_type,
        count(*) filter (where -1 in (pickup_zone_id, dropoff_zone_id)) as unknown_zone
    from staging.trip
    group by reject_rule
),

totals as (
    select
        coalesce(sum(rows), 0)::bigint as total_rows,
        coalesce(sum(cents), 0) as total_cents
    from grouped
),

counted as (
    select
        reject_rule as rule,
        rows
    from grouped
    where reject_rule is not null
    union all
    select
        flag.rule,
        flag.rows
    from grouped
    cross join
        lateral (
            values
            ('null_block', grouped.null_block),
            ('negative_fare', grouped.negative_fare),
            ('zero_distance', grouped.zero_distance),
            ('zero_duration', grouped.zero_duration),
            ('unknown_vendor', grouped.unknown_vendor),
            ('unknown_rate_code', grouped.unknown_rate_code),
            ('unknown_payment_type', grouped.unknown_payment_type),
            ('unknown_zone', grouped.unknown_zone)
        ) as flag (rule, rows)
    where grouped.reject_rule is null
)

select
    rule.rule,
    rule.action,
    rule.description,
    coalesce(counted.rows, 0) as rows,
    rule.warn_share,
    rule.fail_share,
    totals.total_rows,
    totals.total_cents
from rejected.rule
cross join totals
left join counted on rule.rule = counted.rule
where rule.service = current_setting('flocon.service')
order by rule.action desc, rule.rule asc;
