-- From the TLC's data dictionary of March 2025.
insert into reference.payment_type (payment_type_id, payment_type) values
(-1, 'Not reported'),
(0, 'Flex Fare trip'),
(1, 'Credit card'),
(2, 'Cash'),
(3, 'No charge'),
(4, 'Dispute'),
(5, 'Unknown'),
(6, 'Voided trip')
on conflict (payment_type_id) do update set payment_type = excluded.payment_type;
