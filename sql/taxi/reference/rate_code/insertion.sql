-- From the TLC's data dictionary of March 2025.
insert into reference.rate_code (rate_code_id, rate_code) values
(-1, 'Unknown'),
(1, 'Standard rate'),
(2, 'JFK'),
(3, 'Newark'),
(4, 'Nassau or Westchester'),
(5, 'Negotiated fare'),
(6, 'Group ride'),
(99, 'Null or unknown')
on conflict (rate_code_id) do update set rate_code = excluded.rate_code;
