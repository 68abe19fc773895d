-- Runs on the warehouse; its rows are merged by key.
-- A borough has no number of its own: its lowest zone numbers it.
select
    min(zone_id) as borough_id,
    borough
from reference.zone
group by borough;
