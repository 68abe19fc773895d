-- The month that the session is about, and the times that a trip in its file may have: the file month, widened by the
-- tolerance of the service. A trip that ends more than 31 days after the last possible pickup has a wrong clock.
create schema if not exists staging;

create or replace view staging.month as
with tolerated as (
    select
        service_id,
        service,
        current_setting('flocon.month')::date as file_month,
        current_setting('flocon.month')::timestamp - make_interval(days => pickup_days_before) as pickup_from,
        current_setting('flocon.month')::timestamp + make_interval(months => 1, days => pickup_days_after)
            as pickup_before
    from reference.service
    where service = current_setting('flocon.service')
)

select
    service_id,
    service,
    file_month,
    pickup_from,
    pickup_before,
    pickup_before + interval '31 days' as dropoff_before
from tolerated;
