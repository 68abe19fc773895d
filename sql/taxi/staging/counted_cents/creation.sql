-- What an amount adds to the sums that must balance, from the file to the mart: its cents, half to even; 0 when it is
-- null, NaN, infinite or 10^12 dollars and more. Wider than staging.cents, since rejected rows are counted as well.
create schema if not exists staging;

create or replace function staging.counted_cents(dollars double precision) returns bigint
language sql immutable parallel safe
return case when abs(dollars) < 1e12 then (dollars * 100)::bigint else 0 end;
