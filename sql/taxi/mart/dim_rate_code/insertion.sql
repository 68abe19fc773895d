-- Runs on the warehouse; its rows are merged by key.
select
    rate_code_id,
    rate_code
from reference.rate_code;
