-- check: one_row_per_week
-- severity: fail
-- why: the last days of December can belong to week 1 of the next year; named by the wrong year they fall together with
-- that of a year before.
select
    annee,
    semaine,
    count(*) as row_count
from gold.agg_semaine
group by annee, semaine
having count(*) > 1;

-- check: weeks_begin_on_mondays
-- severity: fail
-- why: a week that begins on another day shares days with its neighbours.
select *
from gold.agg_semaine
where debut <> date_trunc('week', debut);

-- check: sums_are_those_of_the_facts
-- severity: fail
-- why: charts by day and by week are read side by side; they must add up to the same turnover.
with here as (
    select
        coalesce(sum(ca_total), 0) as ca_total,
        coalesce(sum(nb_transactions), 0) as nb
    from gold.agg_semaine
),

facts as (
    select
        coalesce(sum(montant), 0) as ca_total,
        count(*) as nb
    from gold.fact_ventes
)

select
    here.ca_total as ca_here,
    facts.ca_total as ca_of_facts,
    here.nb as nb_here,
    facts.nb as nb_of_facts
from here
inner join facts on here.ca_total <> facts.ca_total or here.nb <> facts.nb;
