-- Runs on the warehouse; its rows are merged by key.
select
    day_part_id::smallint as day_part_id,
    day_part,
    first_hour::smallint as first_hour,
    last_hour::smallint as last_hour
from (
    values
    (-1, 'Unknown', -1, -1),
    (1, 'Night', 0, 5),
    (2, 'Morning', 6, 11),
    (3, 'Afternoon', 12, 17),
    (4, 'Evening', 18, 23)
) as parts (day_part_id, day_part, first_hour, last_hour);
