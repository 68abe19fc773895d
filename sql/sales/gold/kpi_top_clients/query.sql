with best as (
    select *
    from gold.dim_clients
    where nb_achats > 0
    order by total_ca desc, id_client asc
    limit 100
)

select
    id_client,
    nom,
    pays,
    segment,
    total_ca,
    nb_achats,
    premiere_commande,
    derniere_commande,
    cast(row_number() over (order by total_ca desc, id_client asc) as bigint) as rang
from best
order by rang
