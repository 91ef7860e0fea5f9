-- Report: units sold per day over the previous processing period.
--
-- The instant is trunkline.as_of where that is set, else now. A day begins at midnight UTC. The
-- previous processing period is the trunkline.period (default 7 days) of whole days that ended at
-- the last midnight at or before the instant; an order counts on the day it was placed. A day
-- without orders is a row of zeros.
with instant as (
  select coalesce(nullif(current_setting('trunkline.as_of', true), '')::timestamptz, now()) as as_of,
         coalesce(nullif(current_setting('trunkline.period', true), ''), '7 days')::interval as period
), span as (
  select date_trunc('day', as_of at time zone 'UTC') as period_end, period
  from instant
), days as (
  select generate_series(date_trunc('day', period_end - period), period_end - interval '1 day',
                         interval '1 day') as day
  from span
)
select to_char(d.day, 'YYYY-MM-DD') as day,
       count(o.id) as orders,
       coalesce(sum(o.units), 0) as units
from days d
left join orders o on o.created_at >= d.day at time zone 'UTC'
                  and o.created_at < (d.day + interval '1 day') at time zone 'UTC'
group by d.day
order by d.day;
