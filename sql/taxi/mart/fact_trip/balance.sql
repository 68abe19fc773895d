-- What the session's month adds up to in the fact.
select
    count(*) as rows,
    coalesce(sum(total_cents), 0) as cents
from taxi.fact_trip
where
    service_id = (select service_id from taxi.dim_service where service = current_setting('flocon.service'))
    and file_month = (select current_setting('flocon.month')::date);
