-- From the TLC's data dictionary of March 2025.
insert into reference.vendor (vendor_id, vendor) values
(-1, 'Unknown'),
(1, 'Creative Mobile Technologies'),
(2, 'Curb Mobility'),
(6, 'Myle Technologies'),
(7, 'Helix')
on conflict (vendor_id) do update set vendor = excluded.vendor;
