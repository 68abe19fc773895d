-- Last step of a restore, in its transaction: what was there goes. That waits for those who read it, but not for ever.
set local lock_timeout = '10min';

do $$
declare
    place record;
begin
    for place in
        select nspname from pg_namespace where nspowner = current_user::regrole and nspname like 'flocon\_replaced\_%'
    loop
        execute format('drop schema %I cascade', place.nspname);
    end loop;
end
$$;
