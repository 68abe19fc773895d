-- From the TLC's data dictionary of March 2025. Yellow files have no trip type: their trips are the unknown member.
insert into reference.trip_type (trip_type_id, trip_type) values
(-1, 'Unknown'),
(1, 'Street-hail'),
(2, 'Dispatch')
on conflict (trip_type_id) do update set trip_type = excluded.trip_type;
