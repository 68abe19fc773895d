-- Of each column of `contract` (name, type): how many values of `bronze` are filled in, and how many of those can be
-- read as the type, in any of the forms in which shops write it. It tells a wrong column from a dirty one, no more.
-- Of a large file one row in so many is looked at, as `sample` says.
with sampled as (
    select * exclude (_file, _line)
    from bronze
    where _line % (select sample.one_in from sample) = 0
),

cells as (
    unpivot sampled
    on columns(*)
    into name name value text
),

filled as (
    select
        cells.name,
        contract.type,
        regexp_replace(cells.text, '[\s\x{00A0}]+', '', 'g') as text
    from cells
    inner join contract on cells.name = contract.name
    where regexp_matches(cells.text, '[^\s\x{00A0}]')
),

forms as (
    select
        name,
        type,
        text,
        coalesce(
            try_cast(replace(regexp_extract(text, '^\d{4}[-/]\d\d[-/]\d\d'), '/', '-') as date),
            try_cast(regexp_replace(text, '^(\d\d)[-/.](\d\d)[-/.](\d{4}).*$', '\3-\2-\1') as date)
        ) as day
    from filled
),

judged as (
    select
        name,
        case type
            when 'bigint' then regexp_full_match(text, '\d{1,18}([.]0+)?')
            when 'integer' then regexp_full_match(text, '[+-]?\d{1,9}([.,]0+)?')
            when 'numeric(12,2)' then regexp_full_match(text, '[+-]?\d+([.,]\d+)?')
            when 'date' then day is not null
            when 'boolean' then lower(text) in ('1', '0', '1.0', '0.0', 'true', 'false', 'vrai', 'faux', 'oui', 'non')
            else true
        end as is_readable
    from forms
)

select
    name,
    count(*) as filled,
    count(*) filter (where is_readable) as readable
from judged
group by name
