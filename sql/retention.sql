-- Retention: customers to win back. They ordered nothing in the 30 days before the instant, but at
-- least twice in the 60 days before those.
--
-- The instant T is trunkline.as_of where that is set, else now. A day here is 24 hours:
--   quiet   no order with  T - 30 days <= created_at <= T
--   active  two or more with  T - 90 days <= created_at < T - 30 days
with instant as (
  select coalesce(nullif(current_setting('trunkline.as_of', true), '')::timestamptz, now()) as as_of
), span as (
  select as_of - interval '2160 hours' as active_from, as_of - interval '720 hours' as quiet_from,
         as_of
  from instant
)
select c.id as customer_id,
       c.name as customer,
       c.species,
       count(*) as orders,
       max(o.created_at) at time zone 'UTC' as last_order_at_utc
from span
join orders o on o.created_at between active_from and as_of
join customers c on c.id = o.customer_id
group by c.id, quiet_from
having count(*) filter (where o.created_at < quiet_from) >= 2
   and count(*) filter (where o.created_at >= quiet_from) = 0
order by c.id;
