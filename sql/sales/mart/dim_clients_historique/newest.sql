-- The newest date of which the history says anything, null when it is empty: before it, nothing is written any more.
select max(greatest(valide_du, valide_au)) as newest
from sales.dim_clients_historique;
