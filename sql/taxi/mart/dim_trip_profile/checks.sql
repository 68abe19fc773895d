-- check: combinations_are_complete
-- severity: fail
-- why: a trip whose combination of known codes is missing here would be refused by the foreign key, with no word on why
select
    service.service_id,
    vendor.vendor_id,
    rate_code.rate_code_id,
    payment_type.payment_type_id,
    trip_type.trip_type_id
from taxi.dim_service as service
cross join taxi.dim_vendor as vendor
cross join taxi.dim_rate_code as rate_code
cross join taxi.dim_payment_type as payment_type
cross join taxi.dim_trip_type as trip_type
except
select
    service_id,
    vendor_id,
    rate_code_id,
    payment_type_id,
    trip_type_id
from taxi.dim_trip_profile;
