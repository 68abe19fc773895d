-- Runs on the warehouse; its rows are merged by key.
select
    zone_id,
    zone,
    min(zone_id) over (partition by borough) as borough_id,
    min(zone_id) over (partition by service_zone) as service_zone_id
from reference.zone;
