-- Changes when a zone is added: trips that were conformed to the unknown zone then belong elsewhere.
select md5(string_agg(zone_id::text, ',' order by zone_id)) as known
from reference.zone;
