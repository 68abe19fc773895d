-- Runs on the warehouse; its rows are merged by key.
select
    service_id,
    service,
    label,
    pickup_days_before,
    pickup_days_after
from reference.service;
