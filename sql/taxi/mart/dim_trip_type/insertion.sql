-- Runs on the warehouse; its rows are merged by key.
select
    trip_type_id,
    trip_type
from reference.trip_type;
