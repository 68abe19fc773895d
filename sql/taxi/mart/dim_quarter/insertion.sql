-- Runs on the warehouse; its rows are merged by key.
with quarters as (
    select
        years.year_id,
        quarters.quarter_of_year
    from generate_series(2009, 2040) as years (year_id)
    cross join generate_series(1, 4) as quarters (quarter_of_year)
    union all
    values (1900, 1)
)

select
    year_id * 10 + quarter_of_year as quarter_id,
    year_id::smallint as year_id,
    quarter_of_year::smallint as quarter_of_year,
    case year_id when 1900 then 'Unknown' else format('%s Q%s', year_id, quarter_of_year) end as quarter_label
from quarters;
