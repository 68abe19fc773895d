-- What the rejected rows of the session's service and month add up to.
select
    count(*) as rows,
    coalesce(sum(total_cents), 0) as cents
from rejected.trip
where
    service_id = (select month.service_id from staging.month)
    and file_month = (select month.file_month from staging.month);
