-- check: one_row_per_purchase
-- severity: fail
-- why: a purchase counted twice is turnover that never was.
select
    id_achat,
    count(*) as row_count
from silver.achats
group by id_achat
having count(*) > 1;

-- check: every_client_known
-- severity: fail
-- why: gold joins purchases to their clients; a purchase without one would silently leave the turnover.
select achats.*
from silver.achats
anti join silver.clients on achats.id_client = clients.id_client;

-- check: amounts_within_the_rule
-- severity: fail
-- why: averages and growth are computed in whole cents of positive amounts; others would make them wrong.
select *
from silver.achats
where montant <= 0 or montant > 10000;

-- check: nothing_from_the_future
-- severity: fail
-- why: numbers as of a day must not know the days after it.
select achats.*
from silver.achats
inner join run on achats.date_achat > run.as_of;

-- check: something_kept
-- severity: fail
-- why: when every row is refused, it is the file's form that changed, not all purchases; replacing all tables by
-- nothing would help nobody.
with received as (
    select count(*) as n
    from bronze.achats
),

kept as (
    select count(*) as n
    from silver.achats
)

select
    received.n as rows_received,
    kept.n as rows_kept
from received
inner join kept on received.n > 0 and kept.n = 0;

-- check: most_rows_kept
-- severity: warn
-- why: some dirt is usual; when more than a quarter is refused, look at the quality report and talk to the shops.
with received as (
    select count(*) as n
    from bronze.achats
),

kept as (
    select count(*) as n
    from silver.achats
)

select
    received.n as rows_received,
    kept.n as rows_kept
from received
inner join kept on 4 * kept.n < 3 * received.n;
