-- The first and last day on which a trip of the session's service and month can have begun.
select
    current_setting('flocon.month')::date - pickup_days_before as first_date,
    (current_setting('flocon.month')::date + interval '1 month')::date + pickup_days_after - 1 as last_date
from taxi.dim_service
where service = current_setting('flocon.service');
