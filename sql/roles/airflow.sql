-- Airflow's own role, which owns what is in its metadata database.
-- Run by the superuser in that database, as often as wanted.
-- The verifier (SCRAM, made by the client) comes as the session setting flocon.airflow_verifier.

do $$
begin
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'airflow') then
        create role airflow login;
    end if;
    execute format('alter role airflow password %L', current_setting('flocon.airflow_verifier'));
    execute format('revoke all on database %I from public', current_database());
    revoke all on database postgres, template1 from public;
    execute format('revoke all on database %I from airflow', current_database());
    execute format('grant connect, temporary on database %I to airflow', current_database());
end
$$;

-- Airflow's migrations create their tables in the schema public.
revoke all on schema public from public;
grant usage, create on schema public to airflow;
