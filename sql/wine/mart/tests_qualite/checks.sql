-- check: no_month_is_shown_whose_tests_failed
-- severity: fail
-- why: a quality test of severity fail that fails keeps its month out of the mart
select
    file_month,
    nom,
    attendu,
    trouve
from wine.tests_qualite
where resultat = 'échec';

-- check: every_month_was_tested
-- severity: fail
-- why: revenue that no test looked at is not shown
select month.file_month
from wine.ca_mensuel as month
left join wine.tests_qualite as test on month.file_month = test.file_month
where test.nom is null;
