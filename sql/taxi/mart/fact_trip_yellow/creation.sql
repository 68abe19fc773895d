-- The yellow trips of taxi.fact_trip; one partition a file month.
-- The check proves to ATTACH, without a scan, that a new partition's rows belong here.
create table if not exists taxi.fact_trip_yellow partition of taxi.fact_trip (
    service_id default 1 constraint fact_trip_yellow_service_ck check (service_id = 1)
) for values in (1)
partition by list (file_month);
