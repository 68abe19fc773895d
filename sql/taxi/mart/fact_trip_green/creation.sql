-- The green trips of taxi.fact_trip; one partition a file month.
-- The check proves to ATTACH, without a scan, that a new partition's rows belong here.
create table if not exists taxi.fact_trip_green partition of taxi.fact_trip (
    service_id default 2 constraint fact_trip_green_service_ck check (service_id = 2)
) for values in (2)
partition by list (file_month);
