create schema if not exists wine;

create or replace view wine.dernier_mois as
select
    fact.file_month,
    month.libelle as mois,
    fact.product_id,
    fact.sku,
    fact.nom,
    fact.prix,
    fact.stock_quantity,
    fact.stock_status,
    fact.onsale_web,
    fact.quantite_vendue,
    fact.ca,
    fact.z_score,
    fact.classement
from wine.fact_ventes_vin as fact
inner join wine.dim_mois as month on fact.file_month = month.file_month
where fact.file_month = (select max(newest.file_month) from wine.ca_mensuel as newest);
