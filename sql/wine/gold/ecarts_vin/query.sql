-- Every product and link that was kept and is not in gold.produits_vin.
with reconciled as (
    select
        product_id,
        sku
    from gold.produits_vin
),

erp as (
    select
        'erp' as source,
        cast(erp.product_id as text) as cle,
        cast(null as text) as nom,
        case when liaison.product_id is null then 'erp_sans_lien' else 'erp_sans_web' end as raison
    from silver.erp
    anti join reconciled on erp.product_id = reconciled.product_id
    left join silver.liaison on erp.product_id = liaison.product_id
),

web as (
    select
        'web' as source,
        web.sku as cle,
        web.nom,
        case when liaison.id_web is null then 'web_sans_lien' else 'web_sans_erp' end as raison
    from silver.web
    anti join reconciled on web.sku = reconciled.sku
    left join silver.liaison on web.sku = liaison.id_web
),

liaison as (
    select
        'liaison' as source,
        cast(liaison.product_id as text) as cle,
        web.nom,
        case when erp.product_id is null then 'lien_sans_erp' else 'lien_sans_web' end as raison
    from silver.liaison
    anti join reconciled on liaison.product_id = reconciled.product_id
    left join silver.erp on liaison.product_id = erp.product_id
    left join silver.web on liaison.id_web = web.sku
),

listed as (
    select * from erp
    union all
    select * from web
    union all
    select * from liaison
)

select
    source,
    cle,
    nom,
    raison
from listed
order by source, cle
