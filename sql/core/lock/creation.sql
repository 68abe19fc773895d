-- One run at a time for one thing (say, yellow 2024-01): a session lock that ends with its connection at the latest.
-- Whoever holds a thing has a share in everything, which only a restore holds for itself alone.
create schema if not exists flocon;

create or replace function flocon.lock_key(thing text) returns bigint
language sql immutable
as $$
    select hashtextextended(thing, 0)
$$;

-- Who holds the lock on a thing: their application_name, which carries the run id.
create or replace function flocon.lock_holder(thing text) returns text
language sql volatile
as $$
    select coalesce(string_agg(distinct a.application_name, ', '), 'a run that has just ended')
    from pg_locks as l
    inner join pg_stat_activity as a on l.pid = a.pid
    where
        l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and l.database = (select oid from pg_database where datname = current_database())
        and (l.classid::bigint << 32) | l.objid::bigint = flocon.lock_key(thing)
$$;

-- Take the lock and return null, or return who holds it.
create or replace function flocon.try_lock(thing text) returns text
language plpgsql
as $$
begin
    if not pg_try_advisory_lock_shared(flocon.lock_key('everything')) then
        return flocon.lock_holder('everything');
    end if;
    if pg_try_advisory_lock(flocon.lock_key(thing)) then
        return null;
    end if;
    perform pg_advisory_unlock_shared(flocon.lock_key('everything'));
    return flocon.lock_holder(thing);
end;
$$;

create or replace function flocon.unlock(thing text) returns boolean
language sql
as $$
    select pg_advisory_unlock(flocon.lock_key(thing)) and pg_advisory_unlock_shared(flocon.lock_key('everything'))
$$;

-- Keep every run out until this session ends and return null, or return who is at work.
create or replace function flocon.try_lock_everything() returns text
language plpgsql
as $$
begin
    if pg_try_advisory_lock(flocon.lock_key('everything')) then
        return null;
    end if;
    return flocon.lock_holder('everything');
end;
$$;
