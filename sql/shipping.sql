-- Shipping: the orders to send out, oldest first.
--
-- The instant is trunkline.as_of where that is set, else now. An order is to be sent out if it was
-- placed at or before that instant and not shipped until after it, so that a live database asked
-- about the past answers the same, but for orders that were cancelled since.
with instant as (
  select coalesce(nullif(current_setting('trunkline.as_of', true), '')::timestamptz, now()) as as_of
)
select o.id as order_id,
       c.name as customer,
       c.species,
       o.units,
       o.created_at at time zone 'UTC' as ordered_at_utc
from instant
join orders o on o.created_at <= as_of and (o.shipped_at is null or o.shipped_at > as_of)
join customers c on c.id = o.customer_id
order by o.created_at, o.id;
