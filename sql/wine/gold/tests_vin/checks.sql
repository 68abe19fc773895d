-- check: every_test_once_with_an_answer
-- severity: fail
-- why: a test that is not measured would be taken for one that finds nothing. What the tests say of the data stands in
-- the table, which is published even when they fail.
select
    nom,
    count(*) as row_count,
    count(trouve) as answers
from gold.tests_vin
group by nom
having count(*) <> 1 or count(trouve) <> 1;

-- check: result_of_its_severity
-- severity: fail
-- why: a failing test stops the month by these words.
select *
from gold.tests_vin
where
    severite not in ('fail', 'warn')
    or resultat not in ('ok', case when severite = 'fail' then 'échec' else 'alerte' end);
