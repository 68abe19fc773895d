-- Roles of the warehouse. Run by the superuser in the warehouse's database, as often as wanted.
-- The verifier (SCRAM, made by the client) comes as the session setting flocon.warehouse_loader_verifier.

do $$
begin
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'warehouse_loader') then
        create role warehouse_loader login;
    end if;
    execute format(
        'alter role warehouse_loader password %L', current_setting('flocon.warehouse_loader_verifier')
    );
    execute format('revoke all on database %I from public', current_database());
    revoke all on database postgres, template1 from public;
    execute format('grant connect, create, temporary on database %I to warehouse_loader', current_database());
end
$$;

revoke all on schema public from public;
