-- Every row received, cleaned, with the first rule that refuses it.
with trimmed as (
    -- White space is what Unicode calls so: spreadsheets bring tabs and no-break spaces. Blank is missing.
    select
        _file,
        _line,
        nullif(trim(regexp_replace(sku, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as sku_text,
        nullif(trim(regexp_replace(post_title, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as title,
        regexp_replace(total_sales, '[\t-\r\x1c-\x1f\x85\p{Z}]+', '', 'g') as sales_text,
        lower(trim(regexp_replace(post_type, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g'))) as post_type
    from bronze.web
),

typed as (
    select
        _file,
        _line,
        post_type,
        -- A text, such as 13127-1 or bon-cadeau-25-euros; but spreadsheets write the number 16004 as 16004.0.
        case when regexp_matches(sku_text, '^[0-9]+[.]0+$') then split_part(sku_text, '.', 1) else sku_text end as sku,
        -- The shop exports & as HTML writes it.
        replace(replace(title, '&amp;', '&'), '&#038;', '&') as nom,
        try_cast(
            case
                when regexp_matches(sales_text, '^[+-]?[0-9]+([.,]0+)?$')
                    then split_part(replace(sales_text, ',', '.'), '.', 1)
            end as integer
        ) as total_sales
    from trimmed
),

judged as (
    -- An attachment is the picture of a product, under its sku. Its count of sales is not always the product's: it is
    -- not read.
    select
        *,
        case
            when sku is null then 'missing_sku'
            when post_type is null or post_type <> 'product' then 'not_a_product'
            when total_sales is null or total_sales not between -9999999 and 9999999 then 'bad_quantity'
        end as refused
    from typed
),

numbered as (
    -- Only rows that no other rule refuses compete for a sku: a picture must not cost the product.
    select
        *,
        row_number() over (partition by sku, refused is null order by _file, _line) as copy
    from judged
)

select
    sku,
    nom,
    total_sales,
    post_type,
    _file,
    _line,
    coalesce(refused, case when copy > 1 then 'duplicate_sku' end) as reason,
    cast(null as date) as _judged_again_on
from numbered
order by sku, _file, _line
