-- Runs on the warehouse; its rows are merged by key.
select
    year_id::smallint as year_id,
    case year_id when 1900 then 'Unknown' else year_id::text end as year_label
from (
    select 1900
    union all
    select generate_series(2009, 2040)
) as years (year_id);
