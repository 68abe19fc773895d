-- The rules that the rows of a month are held to, and from which share of the month each warns and stops publication.
-- Real months reject a few rows in a million: a share of one in a thousand is worth a look, one in twenty is a defect.
create schema if not exists rejected;

create or replace view rejected.rule as
select
    service.service_id,
    service.service,
    rule.rule,
    rule.action,
    format(rule.description, service.pickup_days_before, service.pickup_days_after) as description,
    rule.warn_share::double precision as warn_share,
    rule.fail_share::double precision as fail_share
from reference.service
cross join (
    values
    (
        'pickup_outside_month', 'reject', 0.001, 0.05,
        'pickup outside the file month by more than %1$s day(s) before or %2$s day(s) after'
    ),
    ('dropoff_before_pickup', 'reject', 0.001, 0.05, 'drop-off before pickup'),
    (
        'unusable_timestamp', 'reject', 0.001, 0.05,
        'unusable timestamp: missing, infinite, or drop-off over 31 days after the last possible pickup'
    ),
    (
        'unusable_amount', 'reject', 0.001, 0.05,
        'unusable amount: total missing, no number, or 20 million dollars and more'
    ),
    ('null_block', 'flag', 0.5, 0.9, 'neither passengers nor a rate code (Flex Fare trips): kept'),
    ('negative_fare', 'flag', 0.05, 0.25, 'negative fare, a refund or void that pairs with another row: kept'),
    ('zero_distance', 'flag', 0.15, 0.5, 'no distance: kept'),
    ('zero_duration', 'flag', 0.1, 0.5, 'ended in the second it began: kept'),
    ('unknown_vendor', 'flag', 0.01, 0.5, 'vendor code that reference.vendor does not know: kept as -1'),
    ('unknown_rate_code', 'flag', 0.01, 0.5, 'rate code that reference.rate_code does not know: kept as -1'),
    ('unknown_payment_type', 'flag', 0.01, 0.5, 'payment code that reference.payment_type does not know: kept as -1'),
    ('unknown_zone', 'flag', 0.01, 0.25, 'pickup or drop-off zone that reference.zone does not know: kept as -1')
) as rule (rule, action, warn_share, fail_share, description)
where service.service_id > 0;
