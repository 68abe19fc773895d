-- Runs on the warehouse; its rows are merged by key.
select
    vendor_id,
    vendor
from reference.vendor;
