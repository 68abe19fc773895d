-- One run at a time for one thing (say, yellow 2024-01): a session lock that ends with its connection at the latest.
create schema if not exists flocon;

-- Take the lock and return null, or return who holds it (its application_name, which carries the run id).
create or replace function flocon.try_lock(thing text) returns text
language plpgsql
as $$
declare
    key bigint := hashtextextended(thing, 0);
    holder text;
begin
    if pg_try_advisory_lock(key) then
        return null;
    end if;
    select a.application_name into holder
    from pg_locks as l
    inner join pg_stat_activity as a on l.pid = a.pid
    where
        l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and (l.classid::bigint << 32) | l.objid::bigint = key;
    return coalesce(holder, 'a run that has just ended');
end;
$$;

create or replace function flocon.unlock(thing text) returns boolean
language sql
as $$
    select pg_advisory_unlock(hashtextextended(thing, 0))
$$;
