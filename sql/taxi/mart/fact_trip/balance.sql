-- What the session's month adds up to in the fact.
select
    count(*) as rows,
    coalesce(sum(total_cents), 0) as cents
from taxi.fact_trip
where
    service_id = (select publishing.service_id from taxi.publishing)
    and file_month = (select publishing.file_month from taxi.publishing);
