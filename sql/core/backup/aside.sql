-- First step of a restore, in its transaction: what is there gives its names to what comes. Until the commit everybody
-- else still sees it under its own names, and reads on; nothing is locked.
do $$
declare
    place record;
begin
    for place in
        select nspname from pg_namespace where nspowner = current_user::regrole
    loop
        execute format('alter schema %I rename to %I', place.nspname, 'flocon_replaced_' || place.nspname);
    end loop;
end
$$;
