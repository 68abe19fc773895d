-- check: every_purchase_counted
-- severity: fail
-- why: a distribution of some of the purchases looks as good as one of all.
with facts as (
    select
        produit,
        count(*) as nb,
        min(montant) as lowest,
        max(montant) as highest
    from gold.fact_ventes
    group by produit
)

select
    coalesce(facts.produit, stats.produit) as produit,
    facts.nb as nb_of_facts,
    stats.count as nb_here
from facts
full join gold.kpi_stats_distribution as stats on facts.produit = stats.produit
where (facts.nb, facts.lowest, facts.highest) is distinct from (stats.count, stats.min, stats.max);

-- check: quartiles_in_order
-- severity: fail
-- why: a median below the first quartile, or an average outside the amounts, was taken at the wrong place.
select *
from gold.kpi_stats_distribution
where
    coalesce(not (min <= "25%" and "25%" <= "50%" and "50%" <= "75%" and "75%" <= max), true)
    or mean not between min and max
    or (std is null) <> (count = 1);
