-- One rounding for every amount: dollars to the nearest cent, half to even. Null, NaN, infinite or absurd (20 million
-- dollars would not fit an integer of cents) becomes null, so that one broken row cannot fail a month's COPY.
-- The planner inlines it: it costs no function call.
create schema if not exists staging;

create or replace function staging.cents(dollars double precision) returns integer
language sql immutable parallel safe
return case when abs(dollars) < 2e7 then (dollars * 100)::integer end;
