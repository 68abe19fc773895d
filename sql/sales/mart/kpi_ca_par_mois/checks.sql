-- check: months_are_the_sum_of_days
-- severity: fail
-- why: whoever adds up the days of a month must come to the month's turnover
with days as (
    select
        to_char(date, 'YYYY-MM') as mois,
        sum(ca_total) as ca_total,
        sum(nb_transactions) as nb_transactions
    from sales.kpi_ca_par_jour
    group by to_char(date, 'YYYY-MM')
)

select
    coalesce(month.mois, days.mois) as mois,
    month.ca_total,
    days.ca_total as ca_total_jours,
    month.nb_transactions,
    days.nb_transactions as nb_transactions_jours
from sales.kpi_ca_par_mois as month
full join days on month.mois = days.mois
where (month.ca_total, month.nb_transactions) is distinct from (days.ca_total, days.nb_transactions);
