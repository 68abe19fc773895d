-- Every row received, cleaned, with the first rule that refuses it.
with trimmed as (
    -- White space is what Unicode calls so: spreadsheets bring tabs and no-break spaces. Blank is missing.
    select
        _file,
        _line,
        nullif(trim(regexp_replace(product_id, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as id_text,
        lower(trim(regexp_replace(onsale_web, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g'))) as onsale_text,
        regexp_replace(price, '[\t-\r\x1c-\x1f\x85\p{Z}]+', '', 'g') as price_text,
        regexp_replace(stock_quantity, '[\t-\r\x1c-\x1f\x85\p{Z}]+', '', 'g') as quantity_text,
        lower(nullif(trim(regexp_replace(stock_status, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '')) as stock_status
    from bronze.erp
),

typed as (
    select
        _file,
        _line,
        id_text,
        stock_status,
        -- Spreadsheets write 12 as 12.0.
        try_cast(case when regexp_matches(id_text, '^[0-9]+([.]0+)?$') then split_part(id_text, '.', 1) end as bigint)
            as product_id,
        case
            when onsale_text in ('1', '1.0', 'true', 'vrai', 'oui') then true
            when onsale_text in ('0', '0.0', 'false', 'faux', 'non') then false
        end as onsale_web,
        -- Six decimals: what is beyond them is the noise of a floating-point number, what is within is meant.
        try_cast(
            case when regexp_matches(price_text, '^[+-]?[0-9]+([.,][0-9]+)?$') then replace(price_text, ',', '.') end
            as numeric(38, 6)
        ) as amount,
        try_cast(
            case
                when regexp_matches(quantity_text, '^[+-]?[0-9]+([.,]0+)?$')
                    then split_part(replace(quantity_text, ',', '.'), '.', 1)
            end as integer
        ) as stock_quantity
    from trimmed
),

judged as (
    -- A price of 0 or less, a negative stock, or one that the status belies, is kept: the quality tests tell of it.
    select
        *,
        case
            when id_text is null then 'missing_id'
            when product_id is null then 'bad_id'
            when amount is null or amount % 0.01 <> 0 or amount not between -999999.99 and 999999.99 then 'bad_price'
            when stock_quantity is null then 'bad_quantity'
        end as refused
    from typed
),

numbered as (
    -- Only rows that no other rule refuses compete for an id: a bad first copy must not cost a good second one.
    select
        *,
        row_number() over (partition by product_id, refused is null order by _file, _line) as copy
    from judged
)

select
    product_id,
    onsale_web,
    try_cast(amount as numeric(12, 2)) as price,
    stock_quantity,
    stock_status,
    _file,
    _line,
    coalesce(refused, case when copy > 1 then 'duplicate_id' end) as reason,
    cast(null as date) as _judged_again_on
from numbered
order by product_id, _file, _line
