-- The rows of `bronze`, a dropped file as text, that have a value: programs that write tables end them with empty rows.
select *
from bronze
where concat(*columns(* exclude (_file, _line))) <> ''
order by _line
