-- The session's month (flocon.month), unless it is there already. French names, whatever the server's locale.
with named as (
    select
        current_setting('flocon.month')::date as file_month,
        array[
            'janvier', 'février', 'mars', 'avril', 'mai', 'juin',
            'juillet', 'août', 'septembre', 'octobre', 'novembre', 'décembre'
        ] as noms
)

insert into wine.dim_mois
select
    named.file_month,
    extract(year from named.file_month) as annee,
    extract(quarter from named.file_month) as trimestre,
    extract(month from named.file_month) as mois,
    named.noms[extract(month from named.file_month)] as nom,
    named.noms[extract(month from named.file_month)] || ' ' || extract(year from named.file_month) as libelle
from named
on conflict (file_month) do nothing;
