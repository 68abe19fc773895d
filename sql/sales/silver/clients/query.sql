-- Every row received, cleaned, with the first rule that refuses it.
with trimmed as (
    -- White space is what Unicode calls so: spreadsheets bring tabs and no-break spaces. Blank is missing. Names are
    -- trimmed and otherwise left as people write them.
    select
        _file,
        _line,
        nullif(trim(regexp_replace(id_client, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as id_text,
        nullif(regexp_replace(nom, '^[\t-\r\x1c-\x1f\x85\p{Z}]+|[\t-\r\x1c-\x1f\x85\p{Z}]+$', '', 'g'), '') as nom,
        lower(nullif(trim(regexp_replace(email, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '')) as email,
        nullif(trim(regexp_replace(date_inscription, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '') as date_text,
        lower(nullif(trim(regexp_replace(pays, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g')), '')) as pays
    from bronze.clients
),

arranged as (
    select
        *,
        -- Spreadsheets write 12 as 12.0.
        case when regexp_matches(id_text, '^[0-9]+([.]0+)?$') then split_part(id_text, '.', 1) end as id_digits,
        regexp_replace(date_text, '[ T][0-9]{1,2}:[0-9]{2}[0-9:.,Z+-]*$', '') as day_text,
        -- A hyphen ends a word too: a space follows it for as long as the words are apart.
        list_transform(
            string_split(replace(pays, '-', '- '), ' '), lambda w: upper(substr(w, 1, 1)) || substr(w, 2)
        ) as words
    from trimmed
),

typed as (
    select
        _file,
        _line,
        id_text,
        nom,
        email,
        date_text,
        try_cast(id_digits as bigint) as id_client,
        -- Year first, or day first as the shops write it; one kind of separator in a date.
        try_cast(
            case
                when regexp_matches(day_text, '^[1-9][0-9]{3}(-[0-9]{2}-|/[0-9]{2}/)[0-9]{2}$')
                    then replace(day_text, '/', '-')
                when regexp_matches(day_text, '^[0-9]{2}(-[0-9]{2}-|/[0-9]{2}/|[.][0-9]{2}[.])[1-9][0-9]{3}$')
                    then concat_ws('-', substr(day_text, 7), substr(day_text, 4, 2), substr(day_text, 1, 2))
            end as date
        ) as date_inscription,
        replace(array_to_string(words, ' '), '- ', '-') as pays
    from arranged
),

judged as (
    select
        typed.*,
        case
            when typed.id_text is null then 'missing_id'
            when typed.id_client is null then 'bad_id'
            when typed.nom is null then 'missing_name'
            when typed.email is null then 'missing_email'
            when not regexp_matches(typed.email, '^[^@ ]+@[^@ ]+[.][^@ ]+$') then 'bad_email'
            when typed.date_text is null then 'missing_date'
            when typed.date_inscription is null then 'bad_date'
            when typed.date_inscription > run.as_of then 'future_date'
            when typed.pays is null then 'missing_country'
        end as refused
    from typed
    cross join run
),

numbered as (
    -- Only rows that no other rule refuses compete for an id: a bad first copy must not cost a good second one.
    select
        *,
        row_number() over (partition by id_client, refused is null order by _file, _line) as copy
    from judged
)

select
    id_client,
    nom,
    email,
    date_inscription,
    pays,
    _file,
    _line,
    coalesce(refused, case when copy > 1 then 'duplicate_id' end) as reason,
    case when refused = 'future_date' then date_inscription end as _judged_again_on
from numbered
order by id_client, _file, _line
