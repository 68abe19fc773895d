-- check: days_are_those_of_the_fact
-- severity: fail
-- why: a day's turnover must be that of its purchases, to the row and the cent; weeks and months are held to the days
with fact as (
    select
        date,
        sum(montant) as ca_total,
        count(*) as nb_transactions
    from sales.fact_ventes
    group by date
)

select
    coalesce(day.date, fact.date) as date,
    day.ca_total,
    fact.ca_total as ca_total_fact,
    day.nb_transactions,
    fact.nb_transactions as nb_transactions_fact
from sales.kpi_ca_par_jour as day
full join fact on day.date = fact.date
where (day.ca_total, day.nb_transactions) is distinct from (fact.ca_total, fact.nb_transactions);
