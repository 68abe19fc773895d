-- Replacing one month of a partitioned table, whole or not at all.
-- A month is filled as a standalone table, because COPY can FREEZE rows and skip WAL only for a table that its own
-- transaction created or emptied and that is no partition yet; then it takes the place of the old one.
-- It is created in a transaction before that, so that whoever fills a month holds no lock on the parent meanwhile: two
-- that did would each wait for the other to let go before it attaches.
create schema if not exists flocon;

-- Create the standalone table for one month of `parent`, which is partitioned by list (file_month).
-- It carries the partition's own constraints from the start, so that attaching it later scans nothing, and the month
-- as its column default, so that it need not be sent with every row. When `date_column` is named, its values are held
-- between `first_date` and `last_date`: the planner then skips the partition for a query about another day.
-- What a run that was killed left of it is dropped; the lock that ends such a run's work keeps a living one's away.
-- Returns the qualified name of the new table.
create or replace function flocon.new_partition(
    parent regclass,
    month date,
    date_column name default null,
    first_date date default null,
    last_date date default null
) returns text
language plpgsql
as $$
declare
    leaf text := flocon.partition_name(parent, month, '_new');
begin
    execute format('drop table if exists %s', leaf);
    execute format('create table %s (like %s including defaults including constraints including generated)', leaf, parent);
    execute format('alter table %s alter column file_month set default %L', leaf, month);
    execute format('alter table %s add constraint file_month_is_fixed check (file_month = %L)', leaf, month);
    if date_column is not null then
        execute format(
            'alter table %s add constraint dates_of_month check (%I between %L and %L)', leaf, date_column, first_date, last_date
        );
    end if;
    return leaf;
end;
$$;

-- The qualified name of the month's partition: raw.yellow_trip -> raw.yellow_trip_2024_01 (+ suffix).
create or replace function flocon.partition_name(parent regclass, month date, suffix text default '')
returns text
language sql stable
as $$
    select format('%I.%I', n.nspname, c.relname || to_char(month, '_YYYY_MM') || suffix)
    from pg_class as c
    inner join pg_namespace as n on c.relnamespace = n.oid
    where c.oid = parent
$$;

-- Wait until no other transaction changes the tables of this schema, or refers to them anew, and keep the turn until
-- the end of this one. A foreign key locks the table that it refers to; two that hold such locks could not both attach.
-- A backup has the turn of every schema while it reads: no table is exchanged under its eyes.
create or replace function flocon.take_turn(place regnamespace) returns void
language sql
as $$
    select pg_advisory_xact_lock(hashtextextended('turn of ' || place::text, 0))
$$;

-- Validate the parent's foreign keys on the filled table, while no reader has to wait for it.
-- Attaching finds them already there and does not validate again. From here on it is this transaction's turn.
create or replace function flocon.constrain_partition(parent regclass, month date) returns void
language plpgsql
as $$
declare
    leaf text := flocon.partition_name(parent, month, '_new');
    foreign_key record;
begin
    perform flocon.take_turn(relnamespace::regnamespace) from pg_class
    where oid = parent;
    for foreign_key in
        select conname, pg_get_constraintdef(oid) as definition
        from pg_constraint
        where conrelid = parent and contype = 'f'
        order by conname
    loop
        execute format('alter table %s add constraint %I %s', leaf, foreign_key.conname, foreign_key.definition);
    end loop;
end;
$$;

-- Put the filled table in the place of the month's old partition, if there is one.
-- Where there is one, or where `parent` has foreign keys, that needs every reader gone for a moment: of `parent` and of
-- the tables that its foreign keys refer to, whose triggers change. All these locks are taken together before anything
-- is done, in short tries: a reader that holds one of them and waits for another would be a deadlock, and a waiting
-- exclusive lock makes all later readers queue behind it. A try is shorter than deadlock_timeout, so that it is we who
-- let go, not the reader.
create or replace function flocon.attach_partition(parent regclass, month date, patience interval default '10 minutes')
returns void
language plpgsql
as $$
declare
    leaf text := flocon.partition_name(parent, month, '_new');
    old text := flocon.partition_name(parent, month);
    give_up_at timestamptz := clock_timestamp() + patience;
    to_lock text := (
        select string_agg(distinct locked::text, ', ')
        from (
            select parent as locked
            where to_regclass(old) is not null
            union all
            select unnest(array[parent, confrelid::regclass]) from pg_constraint
            where conrelid = parent and contype = 'f'
        ) as needed
    );
begin
    perform flocon.take_turn(relnamespace::regnamespace) from pg_class
    where oid = parent;
    perform set_config('lock_timeout', '500ms', true);
    while to_lock is not null loop
        begin
            execute format('lock table %s in access exclusive mode', to_lock);
            exit;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() > give_up_at then
                raise exception 'readers of % held it for more than %: % could not be replaced', parent, patience, old
                using errcode = 'lock_not_available',
                hint = 'end the long queries on it (pg_stat_activity shows them) and run the month again';
            end if;
            perform pg_sleep(0.5);
        end;
    end loop;
    perform set_config('lock_timeout', '0', true);
    execute format('drop table if exists %s', old);
    execute format('alter table %s attach partition %s for values in (%L)', parent, leaf, month);
    execute format('alter table %s rename to %I', leaf, (parse_ident(old))[2]);
end;
$$;

-- Add a nullable column to a partitioned table, if it is not there: a publisher's new column is kept.
create or replace function flocon.keep_column(parent regclass, column_name name, column_type regtype) returns void
language plpgsql
as $$
begin
    execute format('alter table %s add column if not exists %I %s', parent, column_name, column_type);
end;
$$;
