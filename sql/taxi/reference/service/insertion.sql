-- The tolerance around a file's month, in one place for both servers. Seven days before: trips recorded late come
-- with the next file (24 of the 64,809 trips of green 2023-02 began on 25 to 31 January, ordinary in distance and
-- fare), while what lies further back is a wrong clock (2001, 2008, 2009). One day after: trips that straddle the end.
insert into reference.service (service_id, service, label, pickup_days_before, pickup_days_after) values
(-1, 'unknown', 'Unknown', 0, 0),
(1, 'yellow', 'Yellow taxi', 7, 1),
(2, 'green', 'Green taxi', 7, 1)
on conflict (service_id) do update set
    service = excluded.service,
    label = excluded.label,
    pickup_days_before = excluded.pickup_days_before,
    pickup_days_after = excluded.pickup_days_after;
