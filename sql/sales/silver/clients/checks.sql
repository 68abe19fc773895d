-- check: one_row_per_client
-- severity: fail
-- why: a client counted twice is in every number twice.
select
    id_client,
    count(*) as row_count
from silver.clients
group by id_client
having count(*) > 1;

-- check: something_kept
-- severity: fail
-- why: when every row is refused, it is the file's form that changed, not all clients; replacing all tables by nothing
-- would help nobody.
with received as (
    select count(*) as n
    from bronze.clients
),

kept as (
    select count(*) as n
    from silver.clients
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
    from bronze.clients
),

kept as (
    select count(*) as n
    from silver.clients
)

select
    received.n as rows_received,
    kept.n as rows_kept
from received
inner join kept on 4 * kept.n < 3 * received.n;
