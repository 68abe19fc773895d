-- Runs on the warehouse; its rows are merged by key.
with months as (
    select date '1900-01-01' as first_date
    union all
    select generate_series(date '2009-01-01', date '2040-12-01', interval '1 month')::date
)

select
    to_char(first_date, 'YYYYMM')::integer as month_id,
    to_char(first_date, 'YYYYQ')::integer as quarter_id,
    to_char(first_date, 'MM')::smallint as month_of_year,
    case first_date when date '1900-01-01' then 'Unknown' else to_char(first_date, 'FMMonth') end as month_name,
    case first_date when date '1900-01-01' then 'Unknown' else to_char(first_date, 'YYYY-MM') end as month_label,
    first_date
from months;
