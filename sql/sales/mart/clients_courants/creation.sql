create schema if not exists sales;

create or replace view sales.clients_courants as
select
    client.id_client,
    client.nom,
    client.email,
    client.date_inscription,
    client.pays,
    client.nb_achats,
    client.total_ca,
    client.premiere_commande,
    client.derniere_commande,
    client.segment,
    version.valide_du as depuis,
    version.version
from sales.dim_clients as client
inner join sales.dim_clients_historique as version
    on client.id_client = version.id_client and version.valide_au is null;
