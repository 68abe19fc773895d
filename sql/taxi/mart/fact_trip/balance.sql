-- What the session's month adds up to in the fact, and how many of its trips each flag rule touches, in one scan.
select
    count(*) as rows,
    coalesce(sum(total_cents), 0) as cents,
    count(*) filter (where is_null_block) as null_block,
    count(*) filter (where is_negative_fare) as negative_fare,
    count(*) filter (where is_zero_distance) as zero_distance,
    count(*) filter (where is_zero_duration) as zero_duration,
    count(*) filter (where vendor_id = -1) as unknown_vendor,
    count(*) filter (where rate_code_id = -1 and not is_null_block) as unknown_rate_code,
    count(*) filter (where payment_type_id = -1 and not is_null_block) as unknown_payment_type,
    count(*) filter (where pickup_zone_id = -1 or dropoff_zone_id = -1) as unknown_zone
from taxi.fact_trip
where
    service_id = (select publishing.service_id from taxi.publishing)
    and file_month = (select publishing.file_month from taxi.publishing);
