-- check: countries_are_the_sum_of_clients
-- severity: fail
-- why: a country's turnover must be that of its clients, to the row and the cent
with clients as (
    select
        pays,
        sum(total_ca) as ca_total,
        sum(nb_achats) as nb_transactions,
        count(*) as nb_clients
    from sales.dim_clients
    where nb_achats > 0
    group by pays
)

select
    coalesce(country.pays, clients.pays) as pays,
    country.ca_total,
    clients.ca_total as ca_total_clients,
    country.nb_transactions,
    clients.nb_transactions as nb_transactions_clients
from sales.kpi_ca_par_pays as country
full join clients on country.pays = clients.pays
where
    (country.ca_total, country.nb_transactions, country.nb_clients) is distinct from
    (clients.ca_total, clients.nb_transactions, clients.nb_clients);
