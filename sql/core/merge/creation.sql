-- Upsert a small table (a dimension, a reference table) by its primary key. Rows that are gone from the source stay:
-- facts may point at them.
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

-- Both tables have the same columns. Returns how many rows were inserted or really changed.
create or replace function flocon.merge(target regclass, source regclass) returns bigint
language plpgsql
as $$
declare
    key_columns text;
    all_columns text;
    new_values text;
    old_row text;
    new_row text;
    merged bigint;
begin
    select
        string_agg(format('%I', attname), ', ' order by attnum) filter (where is_key),
        string_agg(format('%I', attname), ', ' order by attnum),
        string_agg(format('%I = excluded.%I', attname, attname), ', ' order by attnum) filter (where not is_key),
        string_agg(format('t.%I', attname), ', ' order by attnum) filter (where not is_key),
        string_agg(format('excluded.%I', attname), ', ' order by attnum) filter (where not is_key)
    into key_columns, all_columns, new_values, old_row, new_row
    from (
        select
            a.attname,
            a.attnum,
            a.attnum = any(i.indkey) as is_key
        from pg_attribute as a
        inner join pg_index as i on a.attrelid = i.indrelid and i.indisprimary
        where a.attrelid = target and a.attnum > 0 and not a.attisdropped
    ) as columns;
    if key_columns is null then
        raise exception '% has no primary key to merge by', target;
    end if;
    execute format(
        'insert into %1$s as t (%3$s) select %3$s from %2$s on conflict (%4$s) do ', target, source, all_columns, key_columns
    ) || case
        when new_values is null then 'nothing'
        else format('update set %s where (%s) is distinct from (%s)', new_values, old_row, new_row)
    end;
    get diagnostics merged = row_count;
    if merged > 0 then
        -- The next foreign key to it is validated before autovacuum comes by: the planner must know its size.
        execute format('analyze %s', target);
    end if;
    return merged;
end;
$$;
