-- The first and last day on which a trip of the session's service and month can have begun.
select
    first_date,
    last_date
from taxi.publishing;
