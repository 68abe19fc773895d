-- check: sums_are_those_of_the_facts
-- severity: fail
-- why: products must add up to the turnover that every other table shows.
with here as (
    select
        coalesce(sum(ca_total), 0) as ca_total,
        coalesce(sum(nb_ventes), 0) as nb
    from gold.kpi_volume_par_produit
),

facts as (
    select
        coalesce(sum(montant), 0) as ca_total,
        count(*) as nb
    from gold.fact_ventes
)

select
    here.ca_total as ca_here,
    facts.ca_total as ca_of_facts,
    here.nb as nb_here,
    facts.nb as nb_of_facts
from here
inner join facts on here.ca_total <> facts.ca_total or here.nb <> facts.nb;

-- check: ranks_without_gap
-- severity: fail
-- why: "the ten most sold" are read as rang <= 10; a rank that is there twice or not at all makes them nine or eleven.
select
    count(*) as products,
    count(distinct rang) as ranks,
    max(rang) as last_rank
from gold.kpi_volume_par_produit
having count(*) <> count(distinct rang) or count(*) <> coalesce(max(rang), 0);
