-- The rows of a judged table that no rule refuses, in its order.
select * exclude (_file, _line, reason, _judged_again_on)
from judged
where reason is null
