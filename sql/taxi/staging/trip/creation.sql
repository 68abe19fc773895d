-- Trips of the session's service and month, whichever service it is: the branch of the other service is never run.
create schema if not exists staging;

create or replace view staging.trip as
select * from staging.trip_yellow
where current_setting('flocon.service') = 'yellow'
union all
select * from staging.trip_green
where current_setting('flocon.service') = 'green';
