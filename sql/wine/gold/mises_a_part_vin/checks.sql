-- check: every_row_once
-- severity: fail
-- why: shares of what was set aside are counted from these rows.
select
    source,
    fichier,
    ligne,
    count(*) as row_count
from gold.mises_a_part_vin
group by source, fichier, ligne
having count(*) > 1;

-- check: with_its_reason
-- severity: fail
-- why: a row without a reason was not refused.
select *
from gold.mises_a_part_vin
where raison is null;
