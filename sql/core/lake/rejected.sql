-- The refused rows as they were received, whole, with the reason.
select
    received.*,
    judged.reason
from received
inner join judged on received._file = judged._file and received._line = judged._line
where judged.reason is not null
order by received._file, received._line
