-- check: days_without_trips
-- severity: warn
-- why: New York has taxi trips every day; a day without any was most likely lost on its way, and looks like a quiet one
select missing.day::date as pickup_date
from taxi.publishing
cross join
    lateral generate_series(
        publishing.file_month, publishing.file_month + interval '1 month' - interval '1 day', interval '1 day'
    ) as missing (day)
where
    not exists (
        select 1
        from taxi.agg_trip_hour as agg
        where
            agg.service_id = publishing.service_id
            and agg.file_month = publishing.file_month
            and agg.pickup_date = missing.day::date
    );
