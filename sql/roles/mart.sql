-- Roles of the mart: a loader that owns what it creates, and a reader that can only SELECT.
-- Run by the superuser in the mart's database, as often as wanted.
-- Verifiers (SCRAM, made by the client) come as the session settings flocon.<role>_verifier.

do $$
declare
    role_name text;
begin
    foreach role_name in array array['mart_loader', 'mart_reader'] loop
        if not exists (select 1 from pg_catalog.pg_roles where rolname = role_name) then
            execute format('create role %I login', role_name);
        end if;
        execute format('alter role %I password %L', role_name, current_setting('flocon.' || role_name || '_verifier'));
    end loop;
    execute format('revoke all on database %I from public', current_database());
    revoke all on database postgres, template1 from public;
    execute format('grant connect, create, temporary on database %I to mart_loader', current_database());
    execute format('grant connect on database %I to mart_reader', current_database());
end
$$;

revoke all on schema public from public;

-- What the loader creates from now on can be read, whoever forgets to say so.
alter default privileges for role mart_loader grant usage on schemas to mart_reader;
alter default privileges for role mart_loader grant select on tables to mart_reader;

-- A reader must not hold up loading: no transaction of its stays open for long, and it cannot write by accident.
alter role mart_reader set default_transaction_read_only = on;
alter role mart_reader set statement_timeout = '60s';
alter role mart_reader set idle_in_transaction_session_timeout = '30s';
alter role mart_reader set transaction_timeout = '5min';

-- Two doors that PostgreSQL leaves open to everybody:
-- advisory locks, which loading relies on, and large objects, which are written.
do $$
declare
    door regprocedure;
begin
    for door in
        select functions.oid
        from pg_catalog.pg_proc as functions
        where functions.pronamespace = 'pg_catalog'::regnamespace
            and (
                functions.proname like 'pg\_advisory%'
                or functions.proname like 'pg\_try\_advisory%'
                or functions.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite')
            )
    loop
        execute format('revoke execute on function %s from public', door);
        execute format('grant execute on function %s to mart_loader', door);
    end loop;
end
$$;
