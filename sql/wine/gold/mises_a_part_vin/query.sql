-- Every row that silver refused, as it was received.
with listed as (
    select
        'erp' as source,
        reason as raison,
        _file as fichier,
        _line as ligne,
        product_id as cle,
        cast(null as text) as nom
    from rejected.erp
    union all
    select
        'web' as source,
        reason as raison,
        _file as fichier,
        _line as ligne,
        sku as cle,
        post_title as nom
    from rejected.web
    union all
    select
        'liaison' as source,
        reason as raison,
        _file as fichier,
        _line as ligne,
        product_id as cle,
        cast(null as text) as nom
    from rejected.liaison
)

select
    source,
    raison,
    fichier,
    ligne,
    cle,
    nom
from listed
order by source, fichier, ligne
