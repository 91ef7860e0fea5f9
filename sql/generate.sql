-- Days of trade for Pete's Peanuts:
--
--   call peanuts.simulate(days => 120, seed => 1, start => '2016-08-02');
--
-- Each order, shipment and cancellation is a transaction of its own, so that the change stream looks
-- like that of a shop. created_at and shipped_at follow the simulated clock; commit times are real,
-- which is what `trunkline … --as-of` is for.
--
-- A day depends on the seed, its date and the orders before it alone: simulating 60 days and then
-- 60 more gives what 120 in one go give.
create schema peanuts;

-- When a customer orders nothing.
create table peanuts.quiet_spells (
  customer_id integer primary key references customers (id),
  first_day date not null,
  last_day date not null
);

-- Three customers: one leaves after 25 days, one after 85, one stays away from day 40 to day 85.
-- Planned by the first simulation; later ones carry on.
create procedure peanuts.plan_quiet_spells(seed integer, start date)
language sql as $$
  with ranked as (
    select id, row_number() over (order by id) - 1 as position, count(*) over () as customers
    from customers
  )
  insert into peanuts.quiet_spells
  select id, start + spell.first_day, coalesce(start + spell.last_day, 'infinity')
  from (values (0, 25, null), (5, 40, 85), (9, 85, null)) spell (shift, first_day, last_day)
  join ranked on position = (abs(seed::bigint) + spell.shift) % customers
  where not exists (select from peanuts.quiet_spells)
$$;

-- The orders that come in between two hours of a day, each in its own transaction.
create procedure peanuts.take_orders(day date, first_hour float, last_hour float)
language plpgsql as $$
declare
  midnight constant timestamptz := day::timestamp at time zone 'UTC';
  weekend constant boolean := extract(isodow from day) > 5;
  incoming record;
begin
  for incoming in
    with attempts as materialized (
      select id as customer_id, random() as chance, random() as moment, random() as size
      from customers, generate_series(1, 6) attempt
      order by id, attempt
    )
    select customer_id,
           1 + floor(size * size * 40)::integer as units,
           midnight + (first_hour + moment * (last_hour - first_hour)) * interval '1 hour' as moment
    from attempts
    where chance < case when weekend then 0.2 else 0.5 end * (last_hour - first_hour) / 24
      and not exists (select from peanuts.quiet_spells s
                      where s.customer_id = attempts.customer_id
                        and day between s.first_day and s.last_day)
    order by moment, customer_id
  loop
    insert into orders (customer_id, units, created_at)
    values (incoming.customer_id, incoming.units, incoming.moment);
    commit;
  end loop;
end
$$;

-- The lorry leaves at 17:00: of the open orders most go out, a few are cancelled, the rest wait.
create procedure peanuts.load_lorry(day date)
language plpgsql as $$
declare
  loading timestamptz := day::timestamp at time zone 'UTC' + interval '17 hours';
  open_order record;
  fate float;
begin
  for open_order in select id from orders where shipped_at is null order by id loop
    fate := random();
    loading := loading + random() * interval '20 seconds';
    if fate < 0.05 then
      delete from orders where id = open_order.id;
    elsif fate < 0.65 then
      update orders set shipped_at = loading where id = open_order.id;
    else
      continue;
    end if;
    commit;
  end loop;
end
$$;

create procedure peanuts.simulate(days integer, seed integer default 1,
                                  start date default (now() at time zone 'UTC')::date)
language plpgsql as $$
declare
  day date;
begin
  call peanuts.plan_quiet_spells(seed, start);
  commit;
  for day_index in 0 .. days - 1 loop
    day := start + day_index;
    perform setseed((hashtextextended(seed || ' ' || day, 0) % 1000000) / 1000000.0);
    call peanuts.take_orders(day, 0, 17);
    call peanuts.load_lorry(day);
    call peanuts.take_orders(day, 17, 24);
  end loop;
end
$$;
