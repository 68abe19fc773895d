-- The rows of a dropped file as they came, with the file's name and each row's place in it (1: the first row of data).
-- `received` is the file as the engine reads it, in its order, every column a text; `dropped` is one row: its name.
select
    received.*,
    (select dropped.name from dropped) as _file,
    row_number() over () as _line
from received
