with achats as (
    select
        id_client,
        count(*) as nb_achats,
        cast(sum(montant) as numeric(18, 2)) as total_ca,
        min(date_achat) as premiere_commande,
        max(date_achat) as derniere_commande
    from silver.achats
    group by id_client
)

select
    clients.id_client,
    clients.nom,
    clients.email,
    clients.date_inscription,
    clients.pays,
    coalesce(achats.nb_achats, 0) as nb_achats,
    cast(coalesce(achats.total_ca, 0) as numeric(18, 2)) as total_ca,
    achats.premiere_commande,
    achats.derniere_commande,
    case
        when achats.total_ca >= 5000 then 'Platinum'
        when achats.total_ca >= 2000 then 'Gold'
        when achats.total_ca >= 500 then 'Silver'
        else 'Bronze'
    end as segment
from silver.clients
left join achats on clients.id_client = achats.id_client
order by clients.id_client
