-- Every row received, cleaned, with the first rule that refuses it.
with trimmed as (
    -- White space is what Unicode calls so: spreadsheets bring tabs and no-break spaces. Blank is missing.
    select
        _file,
        _line,
        nullif(trim(regexp_replace(id_achat, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as id_text,
        nullif(trim(regexp_replace(id_client, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as client_text,
        nullif(trim(regexp_replace(date_achat, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as date_text,
        nullif(regexp_replace(montant, '[\t-\r\x1c-\x1f\x85\p{Z}]+', '', 'g'), '') as amount_text,
        lower(nullif(trim(regexp_replace(produit, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '')) as produit
    from bronze.achats
),

arranged as (
    select
        *,
        -- Spreadsheets write 12 as 12.0.
        case when regexp_matches(id_text, '^[0-9]+([.]0+)?$') then split_part(id_text, '.', 1) end as id_digits,
        case when regexp_matches(client_text, '^[0-9]+([.]0+)?$') then split_part(client_text, '.', 1) end
            as client_digits,
        regexp_replace(date_text, '[ T][0-9]{1,2}:[0-9]{2}[0-9:.,Z+-]*$', '') as day_text,
        case when regexp_matches(amount_text, '^[+-]?[0-9]+([.,][0-9]+)?$') then replace(amount_text, ',', '.') end
            as amount_digits,
        -- A hyphen ends a word too: a space follows it for as long as the words are apart.
        list_transform(
            string_split(replace(produit, '-', '- '), ' '), lambda w: upper(substr(w, 1, 1)) || substr(w, 2)
        ) as words
    from trimmed
),

typed as (
    select
        _file,
        _line,
        id_text,
        client_text,
        date_text,
        amount_text,
        try_cast(id_digits as bigint) as id_achat,
        try_cast(client_digits as bigint) as id_client,
        -- Year first, or day first as the shops write it; one kind of separator in a date.
        try_cast(
            case
                when regexp_matches(day_text, '^[1-9][0-9]{3}(-[0-9]{2}-|/[0-9]{2}/)[0-9]{2}$')
                    then replace(day_text, '/', '-')
                when regexp_matches(day_text, '^[0-9]{2}(-[0-9]{2}-|/[0-9]{2}/|[.][0-9]{2}[.])[1-9][0-9]{3}$')
                    then concat_ws('-', substr(day_text, 7), substr(day_text, 4, 2), substr(day_text, 1, 2))
            end as date
        ) as date_achat,
        -- Six decimals: what is beyond them is the noise of a floating-point number, what is within is meant.
        try_cast(amount_digits as numeric(38, 6)) as amount,
        replace(array_to_string(words, ' '), '- ', '-') as produit
    from arranged
),

judged as (
    select
        typed.*,
        case
            when typed.id_text is null then 'missing_id'
            when typed.id_achat is null then 'bad_id'
            when typed.client_text is null then 'missing_client'
            when typed.id_client is null then 'bad_client'
            when typed.date_text is null then 'missing_date'
            when typed.date_achat is null then 'bad_date'
            when typed.date_achat > run.as_of then 'future_date'
            when typed.amount_text is null then 'missing_amount'
            when typed.amount is null or typed.amount % 0.01 <> 0 then 'bad_amount'
            when typed.amount <= 0 then 'amount_not_positive'
            when typed.amount > 10000 then 'amount_too_large'
            when typed.produit is null then 'missing_product'
            when clients.id_client is null then 'orphan_client'
        end as refused
    from typed
    cross join run
    left join silver.clients on typed.id_client = clients.id_client
),

numbered as (
    -- Only rows that no other rule refuses compete for an id: a bad first copy must not cost a good second one.
    select
        *,
        row_number() over (partition by id_achat, refused is null order by _file, _line) as copy
    from judged
)

select
    id_achat,
    id_client,
    date_achat,
    try_cast(amount as numeric(12, 2)) as montant,
    produit,
    _file,
    _line,
    coalesce(refused, case when copy > 1 then 'duplicate_id' end) as reason,
    case when refused = 'future_date' then date_achat end as _judged_again_on
from numbered
order by id_achat, _file, _line
