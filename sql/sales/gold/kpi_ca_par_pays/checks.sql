-- check: sums_are_those_of_the_clients
-- severity: fail
-- why: countries must add up to the turnover that every other table shows.
with here as (
    select
        coalesce(sum(ca_total), 0) as ca_total,
        coalesce(sum(nb_transactions), 0) as nb,
        coalesce(sum(nb_clients), 0) as nb_clients
    from gold.kpi_ca_par_pays
),

clients as (
    select
        coalesce(sum(total_ca), 0) as ca_total,
        coalesce(sum(nb_achats), 0) as nb,
        count(*) filter (where nb_achats > 0) as nb_clients
    from gold.dim_clients
)

select
    here.ca_total as ca_here,
    clients.ca_total as ca_of_clients,
    here.nb as nb_here,
    clients.nb as nb_of_clients,
    here.nb_clients as clients_here,
    clients.nb_clients as clients_who_bought
from here
inner join clients
    on here.ca_total <> clients.ca_total or here.nb <> clients.nb or here.nb_clients <> clients.nb_clients;

-- check: shares_add_up
-- severity: fail
-- why: shares are drawn as parts of one whole; each may be off by half a hundredth of a percent, no more.
select
    count(*) as countries,
    sum(part_ca) as part_ca
from gold.kpi_ca_par_pays
having abs(sum(part_ca) - 100) > 0.005 * count(*) + 0.000001;
