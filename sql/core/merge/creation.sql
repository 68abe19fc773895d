-- Bring the rows of one table into another by its primary key, and touch no row that is the same already: it is neither
-- written nor locked again, so that a table of which little changes does not grow, and readers never wait.
create schema if not exists flocon;

-- An empty table with the columns of `target`, gone at the end of the transaction, for rows on their way to it.
create or replace function flocon.new_arrival(target regclass) returns text
language plpgsql
as $$
declare
    arriving text := (select format('%I', relname || '_arriving') from pg_class where oid = target);
begin
    execute format('create temporary table %s (like %s) on commit drop', arriving, target);
    return arriving;
end;
$$;

-- When a row `t` of the table and a row `s` are the same one, by its primary key.
create or replace function flocon.same_key(target regclass) returns text
language plpgsql stable
as $$
declare
    same_key text;
begin
    select string_agg(format('t.%1$I = s.%1$I', a.attname), ' and ' order by a.attnum) into same_key
    from pg_attribute as a
    inner join pg_index as i on a.attrelid = i.indrelid and i.indisprimary
    where a.attrelid = target and a.attnum = any(i.indkey);
    if same_key is null then
        raise exception '% has no primary key to merge by', target;
    end if;
    return same_key;
end;
$$;

-- The MERGE that inserts what is new in `source` and updates what really changed. Both have the same columns.
create or replace function flocon.merge_statement(target regclass, source regclass) returns text
language plpgsql stable
as $$
declare
    same_key text := flocon.same_key(target);
    all_columns text;
    arrived text;
    new_values text;
    old_row text;
    new_row text;
begin
    select
        string_agg(format('%I', attname), ', ' order by attnum),
        string_agg(format('s.%I', attname), ', ' order by attnum),
        string_agg(format('%1$I = s.%1$I', attname), ', ' order by attnum) filter (where not is_key),
        string_agg(format('t.%I', attname), ', ' order by attnum) filter (where not is_key),
        string_agg(format('s.%I', attname), ', ' order by attnum) filter (where not is_key)
    into all_columns, arrived, new_values, old_row, new_row
    from (
        select
            a.attname,
            a.attnum,
            a.attnum = any(i.indkey) as is_key
        from pg_attribute as a
        inner join pg_index as i on a.attrelid = i.indrelid and i.indisprimary
        where a.attrelid = target and a.attnum > 0 and not a.attisdropped
    ) as columns;
    return format('merge into %s as t using %s as s on %s', target, source, same_key)
        || case
            when new_values is null then ''
            else format(' when matched and (%s) is distinct from (%s) then update set %s', old_row, new_row, new_values)
        end
        || format(' when not matched then insert (%s) values (%s)', all_columns, arrived);
end;
$$;

-- Upsert a table (a dimension, reference data) by its primary key. Rows that are gone from the source stay: facts may
-- point at them. Returns how many rows were inserted or really changed.
create or replace function flocon.merge(target regclass, source regclass) returns bigint
language plpgsql
as $$
declare
    merged bigint;
begin
    execute flocon.merge_statement(target, source);
    get diagnostics merged = row_count;
    if merged > 0 then
        -- The next foreign key to it is validated before autovacuum comes by: the planner must know its size.
        execute format('analyze %s', target);
    end if;
    return merged;
end;
$$;

-- Make the rows of `target` those of `source`: as flocon.merge, and what is gone from the source is deleted.
create or replace function flocon.replace_rows(
    target regclass, source regclass, out inserted bigint, out updated bigint, out deleted bigint
)
language plpgsql
as $$
begin
    execute format(
        'with merged as (%s when not matched by source then delete returning merge_action() as action)
        select
            count(*) filter (where action = ''INSERT''),
            count(*) filter (where action = ''UPDATE''),
            count(*) filter (where action = ''DELETE'')
        from merged',
        flocon.merge_statement(target, source)
    ) into inserted, updated, deleted;
    if inserted + updated + deleted > 0 then
        execute format('analyze %s', target);
    end if;
end;
$$;

-- Make the rows that `target` has of one month (its column file_month) those of `source`, as flocon.replace_rows does
-- for a whole table: no row of another month is written or locked. Refuses a source that has rows of another month.
create or replace function flocon.replace_month(
    target regclass, source regclass, month date, out inserted bigint, out updated bigint, out deleted bigint
)
language plpgsql
as $$
declare
    others bigint;
begin
    execute format('select count(*) from %s where file_month is distinct from $1', source) into others using month;
    if others > 0 then
        raise exception '% rows on their way into % of % are of another month', others, target, month;
    end if;
    -- What is gone goes first: a row that is new may bear its name.
    execute format(
        'with gone as (
            delete from %1$s as t where t.file_month = $1 and not exists (select from %2$s as s where %3$s) returning 1
        )
        select count(*) from gone',
        target, source, flocon.same_key(target)
    ) into deleted using month;
    execute format(
        'with merged as (%s returning merge_action() as action)
        select
            count(*) filter (where action = ''INSERT''),
            count(*) filter (where action = ''UPDATE'')
        from merged',
        flocon.merge_statement(target, source)
    ) into inserted, updated;
    if inserted + updated + deleted > 0 then
        execute format('analyze %s', target);
    end if;
end;
$$;
