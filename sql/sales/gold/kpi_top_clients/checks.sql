-- check: a_hundred_of_those_who_bought
-- severity: fail
-- why: the list is complete: a hundred clients, or all who bought where there are fewer, ranked without gap.
with buyers as (
    select least(count(*), 100) as wanted
    from gold.dim_clients
    where nb_achats > 0
),

best as (
    select
        count(*) as clients,
        count(distinct rang) as ranks,
        coalesce(max(rang), 0) as last_rank
    from gold.kpi_top_clients
)

select
    buyers.wanted,
    best.clients,
    best.ranks,
    best.last_rank
from best
inner join buyers
    on best.clients <> buyers.wanted or best.clients <> best.ranks or best.clients <> best.last_rank;

-- check: nobody_better_is_left_out
-- severity: fail
-- why: a client with a higher turnover than one on the list belongs on it.
select
    clients.id_client,
    clients.total_ca
from gold.dim_clients as clients
anti join gold.kpi_top_clients as best on clients.id_client = best.id_client
where clients.total_ca > (select min(last_ones.total_ca) from gold.kpi_top_clients as last_ones);
