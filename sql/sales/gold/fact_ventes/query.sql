select
    achats.id_achat,
    achats.id_client,
    substr(md5(achats.produit), 1, 12) as id_produit,
    achats.date_achat,
    achats.date_achat as date,
    strftime(achats.date_achat, '%Y-%m') as mois,
    cast(extract(year from achats.date_achat) as integer) as annee,
    achats.produit,
    cast(achats.montant as numeric(18, 2)) as montant,
    clients.segment as segment_client
from silver.achats
inner join gold.dim_clients as clients on achats.id_client = clients.id_client
order by achats.id_achat
