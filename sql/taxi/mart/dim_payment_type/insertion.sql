-- Runs on the warehouse; its rows are merged by key.
select
    payment_type_id,
    payment_type
from reference.payment_type;
