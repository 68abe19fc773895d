-- Runs on the warehouse; its rows are merged by key.
select
    hour_id::smallint as hour_id,
    case when hour_id < 0 then 'Unknown' else to_char(make_time(hour_id, 0, 0), 'HH24:MI') end as hour_label,
    case when hour_id < 0 then -1 else hour_id / 6 + 1 end::smallint as day_part_id
from generate_series(-1, 23) as hours (hour_id);
