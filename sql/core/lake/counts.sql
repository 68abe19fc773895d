-- How many rows each reason refuses (none: kept), and the first as-of date from which one would be judged otherwise.
select
    reason,
    count(*) as row_count,
    min(_judged_again_on) as judged_again_on
from judged
group by reason
order by reason
