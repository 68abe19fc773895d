-- The service and month that the session publishes, and the days on which its trips can have begun.
create schema if not exists taxi;

create or replace view taxi.publishing as
select
    service_id,
    service,
    current_setting('flocon.month')::date as file_month,
    current_setting('flocon.month')::date - pickup_days_before as first_date,
    (current_setting('flocon.month')::date + interval '1 month')::date + pickup_days_after - 1 as last_date
from taxi.dim_service
where service = current_setting('flocon.service');
