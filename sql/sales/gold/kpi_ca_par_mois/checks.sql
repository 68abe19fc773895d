-- check: sums_are_those_of_the_facts
-- severity: fail
-- why: charts by day and by month are read side by side; they must add up to the same turnover.
with here as (
    select
        coalesce(sum(ca_total), 0) as ca_total,
        coalesce(sum(nb_transactions), 0) as nb
    from gold.kpi_ca_par_mois
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

-- check: growth_where_there_is_a_month_before
-- severity: fail
-- why: a growth over a month without sales, or none over one with sales, compares the wrong months.
select mois.*
from gold.kpi_ca_par_mois as mois
left join gold.kpi_ca_par_mois as before
    on date_diff('month', cast(before.mois || '-01' as date), cast(mois.mois || '-01' as date)) = 1
where (mois.taux_croissance is null) <> (before.mois is null);
