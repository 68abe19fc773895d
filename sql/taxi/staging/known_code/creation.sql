-- The codes that reference.* knows, one vector each. Read a column as a scalar subquery: so it is computed once.
create schema if not exists staging;

create or replace view staging.known_code as
select
    staging.code_map(array(select vendor_id from reference.vendor)) as vendor,
    staging.code_map(array(select rate_code_id from reference.rate_code)) as rate_code,
    staging.code_map(array(select payment_type_id from reference.payment_type)) as payment_type,
    staging.code_map(array(select trip_type_id from reference.trip_type)) as trip_type,
    staging.code_map(array(select zone_id from reference.zone)) as zone;
