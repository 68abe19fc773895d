-- Every row received, cleaned, with the first rule that refuses it.
with trimmed as (
    -- White space is what Unicode calls so: spreadsheets bring tabs and no-break spaces. Blank is missing.
    select
        _file,
        _line,
        nullif(trim(regexp_replace(product_id, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as id_text,
        nullif(trim(regexp_replace(id_web, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as web_text
    from bronze.liaison
),

typed as (
    select
        _file,
        _line,
        id_text,
        -- Spreadsheets write 12 as 12.0.
        try_cast(case when regexp_matches(id_text, '^[0-9]+([.]0+)?$') then split_part(id_text, '.', 1) end as bigint)
            as product_id,
        -- A text, as the web shop's sku is, and written in the same way.
        case when regexp_matches(web_text, '^[0-9]+[.]0+$') then split_part(web_text, '.', 1) else web_text end
            as id_web
    from trimmed
),

judged as (
    select
        *,
        case
            when id_text is null then 'missing_id'
            when product_id is null then 'bad_id'
            when id_web is null then 'missing_id_web'
        end as refused
    from typed
),

numbered as (
    -- Only rows that no other rule refuses compete for a product: a bad first copy must not cost a good second one.
    select
        *,
        row_number() over (partition by product_id, refused is null order by _file, _line) as copy
    from judged
),

numbered_again as (
    -- Of those, only the ones that have their product compete for its place in the web shop.
    select
        *,
        row_number() over (partition by id_web, refused is null and copy = 1 order by _file, _line) as copy_web
    from numbered
)

select
    product_id,
    id_web,
    _file,
    _line,
    case
        when refused is not null then refused
        when copy > 1 then 'duplicate_id'
        when copy_web > 1 then 'duplicate_id_web'
    end as reason,
    cast(null as date) as _judged_again_on
from numbered_again
order by product_id, _file, _line
