-- check: one_reason_each
-- severity: fail
-- why: a row that is listed twice is mended twice. Whether all are listed is a quality test, which is published even
-- when it fails.
select
    source,
    cle,
    count(*) as row_count
from gold.ecarts_vin
group by source, cle
having count(*) > 1;

-- check: reason_of_its_source
-- severity: fail
-- why: readers filter by these words, and mend the file that they name.
select *
from gold.ecarts_vin
where
    coalesce((source, raison) not in (
        ('erp', 'erp_sans_lien'),
        ('erp', 'erp_sans_web'),
        ('web', 'web_sans_lien'),
        ('web', 'web_sans_erp'),
        ('liaison', 'lien_sans_erp'),
        ('liaison', 'lien_sans_web')
    ), true);
