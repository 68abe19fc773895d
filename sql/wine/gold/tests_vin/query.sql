-- What each quality test finds, against the most that it may find. Nothing found is right for every test.
with refused as (
    select
        count(*) filter (where source = 'erp') as erp,
        count(*) filter (where source = 'erp' and raison in ('missing_id', 'bad_id')) as erp_keyless,
        count(*) filter (where source = 'erp' and raison = 'duplicate_id') as erp_doubled,
        count(*) filter (where source = 'liaison') as liaison,
        count(*) filter (where source = 'liaison' and raison in ('missing_id', 'bad_id')) as liaison_keyless,
        count(*) filter (where source = 'liaison' and raison like 'duplicate_id%') as liaison_doubled
    from gold.mises_a_part_vin
),

refused_web as (
    -- Of the web shop only products count: attachments are set aside in every month.
    select
        count(*) as n,
        count(*) filter (where reason = 'missing_sku') as keyless,
        count(*) filter (where reason = 'duplicate_sku') as doubled
    from rejected.web
    where lower(trim(regexp_replace(post_type, '[\t-\r\x1c-\x1f\x85\p{Z}]+', ' ', 'g'))) = 'product'
),

erp as (
    select
        count(*) as n,
        count(*) filter (where erp.price <= 0) as unpriced,
        count(*) filter (where erp.stock_quantity < 0) as below_nothing,
        -- A status that is missing, or neither of the two, agrees with no quantity.
        count(*) filter (
            where erp.stock_status is distinct from if(erp.stock_quantity > 0, 'instock', 'outofstock')
        ) as belied,
        count(*) filter (where erp.onsale_web and vin.product_id is null) as unsold
    from silver.erp
    left join gold.produits_vin as vin on erp.product_id = vin.product_id
),

web as (
    select
        count(*) as n,
        count(*) filter (where vin.sku is null) as lost
    from silver.web
    left join gold.produits_vin as vin on web.sku = vin.sku
),

liaison as (
    select
        count(*) as n,
        count(*) filter (where vin.product_id is null) as lost
    from silver.liaison
    left join gold.produits_vin as vin on liaison.product_id = vin.product_id
),

vin as (
    select
        count(*) filter (where prix <= 0) as unpriced,
        count(*) filter (where quantite_vendue < 0) as taken_back,
        coalesce(sum(ca), 0) as ca,
        coalesce(sum(prix * quantite_vendue), 0) as sold
    from gold.produits_vin
),

totals as (
    -- The total can be wrong in two ways: the larger one counts.
    select cast(greatest(abs(ca_vin.ca - vin.ca), abs(ca_vin.ca - vin.sold)) * 100 as bigint) as missing_cents
    from gold.ca_vin
    cross join vin
),

kept as (
    select
        'erp' as source,
        cast(product_id as text) as cle
    from silver.erp
    union all
    select
        'web' as source,
        sku as cle
    from silver.web
    union all
    select
        'liaison' as source,
        cast(product_id as text) as cle
    from silver.liaison
),

places as (
    select
        'erp' as source,
        cast(product_id as text) as cle
    from gold.produits_vin
    union all
    select
        'web' as source,
        sku as cle
    from gold.produits_vin
    union all
    select
        'liaison' as source,
        cast(product_id as text) as cle
    from gold.produits_vin
    union all
    select
        source,
        cle
    from gold.ecarts_vin
),

placed as (
    select
        source,
        cle,
        count(*) as times
    from places
    group by source, cle
),

joined as (
    select count(*) as misplaced
    from kept
    full join placed on kept.source = placed.source and kept.cle = placed.cle
    where kept.cle is null or coalesce(placed.times, 0) <> 1
),

measured as (
    select
        expected.name,
        expected.severity,
        expected.expected,
        expected.why,
        case expected.name
            when 'erp_cle_presente' then refused.erp_keyless
            when 'erp_cle_unique' then refused.erp_doubled
            when 'erp_part_ecartee' then refused.erp
            when 'erp_prix_positif' then erp.unpriced
            when 'erp_stock_non_negatif' then erp.below_nothing
            when 'erp_statut_stock' then erp.belied
            when 'erp_en_ligne_rapproche' then erp.unsold
            when 'web_cle_presente' then refused_web.keyless
            when 'web_cle_unique' then refused_web.doubled
            when 'web_part_ecartee' then refused_web.n
            when 'web_rapproche' then web.lost
            when 'liaison_cle_presente' then refused.liaison_keyless
            when 'liaison_cle_unique' then refused.liaison_doubled
            when 'liaison_part_ecartee' then refused.liaison
            when 'liaison_rapprochee' then liaison.lost
            when 'jointure_complete' then joined.misplaced
            when 'vin_prix_positif' then vin.unpriced
            when 'vin_quantite_non_negative' then vin.taken_back
            when 'ca_total' then totals.missing_cents
        end as n,
        -- What a share is a share of; other tests count.
        case expected.name
            when 'erp_part_ecartee' then refused.erp + erp.n
            when 'web_part_ecartee' then refused_web.n + web.n
            when 'web_rapproche' then web.n
            when 'liaison_part_ecartee' then refused.liaison + liaison.n
            when 'liaison_rapprochee' then liaison.n
        end as of_all
    from expected
    cross join refused
    cross join refused_web
    cross join erp
    cross join web
    cross join liaison
    cross join vin
    cross join totals
    cross join joined
),

found as (
    -- A share is compared as it is shown, in percent to four decimals, half up. The share of nothing is all of it: when
    -- every row was refused, nothing is right.
    select
        *,
        case when of_all is not null then ' %' when name = 'ca_total' then ' €' else '' end as unit,
        cast(
            case
                when of_all = 0 then 100
                when of_all > 0 then (2000000 * n + of_all) // (2 * of_all) * 0.0001
                when name = 'ca_total' then n * 0.01
                else n
            end as numeric(18, 4)
        ) as found
    from measured
)

select
    name as nom,
    severity as severite,
    '≤ ' || replace(rtrim(rtrim(cast(expected as text), '0'), '.'), '.', ',') || unit as attendu,
    replace(rtrim(rtrim(cast(found as text), '0'), '.'), '.', ',') || unit as trouve,
    case
        when found <= expected then 'ok'
        when severity = 'fail' then 'échec'
        else 'alerte'
    end as resultat,
    why as description
from found
order by name
