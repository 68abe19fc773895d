-- check: headlines_are_those_of_the_products
-- severity: fail
-- why: a month's revenue and the revenue of its products must tell the same, to the product and the cent
with fact as (
    select
        file_month,
        sum(ca) as ca,
        count(*) as nb_produits,
        count(*) filter (where quantite_vendue > 0) as nb_vendus,
        count(*) filter (where classement = 'premium') as nb_premium
    from wine.fact_ventes_vin
    group by file_month
)

select
    coalesce(headline.file_month, fact.file_month) as file_month,
    headline.ca,
    fact.ca as ca_fact,
    headline.nb_produits,
    fact.nb_produits as nb_produits_fact,
    headline.nb_vendus,
    fact.nb_vendus as nb_vendus_fact,
    headline.nb_premium,
    fact.nb_premium as nb_premium_fact
from wine.ca_mensuel as headline
full join fact on headline.file_month = fact.file_month
where
    (headline.ca, headline.nb_produits, headline.nb_vendus, headline.nb_premium) is distinct from
    (coalesce(fact.ca, 0), coalesce(fact.nb_produits, 0), coalesce(fact.nb_vendus, 0), coalesce(fact.nb_premium, 0));

-- check: prices_are_those_of_the_products
-- severity: fail
-- why: mean and spread decide who is premium; but for their rounding to cents they must be those of the products
with fact as (
    select
        file_month,
        avg(prix) as prix_moyen,
        stddev_samp(prix) as prix_ecart_type
    from wine.fact_ventes_vin
    group by file_month
)

select
    headline.file_month,
    headline.prix_moyen,
    fact.prix_moyen as prix_moyen_fact,
    headline.prix_ecart_type,
    fact.prix_ecart_type as prix_ecart_type_fact
from wine.ca_mensuel as headline
inner join fact on headline.file_month = fact.file_month
where
    abs(headline.prix_moyen - fact.prix_moyen) > 0.006
    or abs(headline.prix_ecart_type - fact.prix_ecart_type) > 0.006;
