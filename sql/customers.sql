-- The twelve customers of Pete's Peanuts.
insert into customers (id, name, species) values
  (1, 'Rebecca', 'rhino'),
  (2, 'Robert', 'rhino'),
  (3, 'Ruby', 'rhino'),
  (4, 'Ryan', 'rhino'),
  (5, 'Eric', 'elephant'),
  (6, 'Eddie', 'elephant'),
  (7, 'Emma', 'elephant'),
  (8, 'Eva', 'elephant'),
  (9, 'Henry', 'hippo'),
  (10, 'Hugo', 'hippo'),
  (11, 'Hazel', 'hippo'),
  (12, 'Heidi', 'hippo');
