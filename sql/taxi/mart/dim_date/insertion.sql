-- Runs on the warehouse; its rows are merged by key.
with days as (
    select date '1900-01-01' as date_id
    union all
    select generate_series(date '2009-01-01', date '2040-12-31', interval '1 day')::date
)

select
    date_id,
    to_char(date_id, 'YYYYMM')::integer as month_id,
    to_char(date_id, 'DD')::smallint as day_of_month,
    to_char(date_id, 'ID')::smallint as day_of_week,
    case date_id when date '1900-01-01' then 'Unknown' else to_char(date_id, 'FMDay') end as day_name,
    date_id <> date '1900-01-01' and to_char(date_id, 'ID')::integer >= 6 as is_weekend
from days;
