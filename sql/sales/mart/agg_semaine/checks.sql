-- check: weeks_are_the_sum_of_days
-- severity: fail
-- why: whoever adds up the days of a week must come to the week's turnover
with days as (
    select
        date_trunc('week', date)::date as debut,
        sum(ca_total) as ca_total,
        sum(nb_transactions) as nb_transactions
    from sales.kpi_ca_par_jour
    group by date_trunc('week', date)::date
)

select
    coalesce(week.debut, days.debut) as debut,
    week.ca_total,
    days.ca_total as ca_total_jours,
    week.nb_transactions,
    days.nb_transactions as nb_transactions_jours
from sales.agg_semaine as week
full join days on week.debut = days.debut
where (week.ca_total, week.nb_transactions) is distinct from (days.ca_total, days.nb_transactions);
