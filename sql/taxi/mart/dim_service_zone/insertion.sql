-- Runs on the warehouse; its rows are merged by key.
-- A service zone has no number of its own: its lowest zone numbers it.
select
    min(zone_id) as service_zone_id,
    service_zone
from reference.zone
group by service_zone;
