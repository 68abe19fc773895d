-- Runs on the warehouse; its rows are merged by key.
select
    service.service_id,
    vendor.vendor_id,
    rate_code.rate_code_id,
    payment_type.payment_type_id,
    trip_type.trip_type_id
from reference.service
cross join reference.vendor
cross join reference.rate_code
cross join reference.payment_type
cross join reference.trip_type;
