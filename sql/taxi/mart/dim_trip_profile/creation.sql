create schema if not exists taxi;

create table if not exists taxi.dim_trip_profile (
    service_id smallint not null references taxi.dim_service,
    vendor_id smallint not null references taxi.dim_vendor,
    rate_code_id smallint not null references taxi.dim_rate_code,
    payment_type_id smallint not null references taxi.dim_payment_type,
    trip_type_id smallint not null references taxi.dim_trip_type,
    primary key (service_id, vendor_id, rate_code_id, payment_type_id, trip_type_id)
);

-- Tells the planner how many combinations there are; else it expects few, and sorts the whole fact instead of hashing.
create statistics if not exists taxi.dim_trip_profile_combinations (ndistinct)
on service_id, vendor_id, rate_code_id, payment_type_id, trip_type_id
from taxi.dim_trip_profile;
