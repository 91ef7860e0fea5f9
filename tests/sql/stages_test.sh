#!/usr/bin/env bash
# The three stages against cases worked out by hand. Each case is a transaction that is rolled back.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"

failures=0
trap stop_postgres EXIT
start_postgres "timezone = 'UTC'"
psql -qX -v ON_ERROR_STOP=1 -f "$root/sql/schema.sql" -f "$root/sql/customers.sql"

# expect NAME STAGE AS_OF ORDERS [SETTING…]: the stage's CSV, without its header, is standard input.
# ORDERS are the VALUES of orders (customer_id, units, created_at, shipped_at); ids count from 1.
expect() {
  local name=$1 stage=$2 as_of=$3 orders=$4 expected actual setting settings=
  shift 4
  for setting in "$@"; do
    settings+="set local $setting;"
  done
  expected=$(cat)
  actual=$(psql -qX --csv -t -v ON_ERROR_STOP=1 <<SQL
begin;
alter table orders alter id restart;
${orders:+insert into orders (customer_id, units, created_at, shipped_at)
  select c, u, t::timestamptz, s::timestamptz from (values $orders) v (c, u, t, s);}
set local trunkline.as_of = '$as_of';
$settings
\\i $root/sql/$stage.sql
rollback;
SQL
  )
  if [[ $actual == "$expected" ]]; then
    echo "ok   $stage: $name"
  else
    echo "FAIL $stage: $name"
    diff <(printf '%s\n' "$expected") <(printf '%s\n' "$actual") || true
    failures=$((failures + 1))
  fi
}

now='2016-11-30 12:00:00+00'

# --- shipping ---

expect "no order, nothing to send" shipping "$now" "" </dev/null

expect "oldest first, the id decides between equals" shipping "$now" "
  (1, 5, '2016-11-30 08:00+00', null), (9, 6, '2016-11-29 08:00+00', null),
  (5, 7, '2016-11-29 08:00+00', null)" <<'CSV'
2,Henry,hippo,6,2016-11-29 08:00:00
3,Eric,elephant,7,2016-11-29 08:00:00
1,Rebecca,rhino,5,2016-11-30 08:00:00
CSV

expect "shipped orders are done; one shipped at the very instant is" shipping "$now" "
  (1, 5, '2016-11-28 08:00+00', '2016-11-29 17:00+00'),
  (2, 5, '2016-11-28 08:00+00', '2016-11-30 12:00+00')" </dev/null

expect "shipped after the instant: still to send out at it" shipping "$now" "
  (3, 4, '2016-11-28 08:00+00', '2016-11-30 12:00:00.000001+00')" <<'CSV'
1,Ruby,rhino,4,2016-11-28 08:00:00
CSV

expect "placed at the instant counts, placed after it does not" shipping "$now" "
  (1, 1, '2016-11-30 12:00+00', null), (2, 2, '2016-11-30 12:00:00.000001+00', null)" <<'CSV'
1,Rebecca,rhino,1,2016-11-30 12:00:00
CSV

expect "prints UTC whatever the session's time zone" shipping "$now" "
  (12, 3, '2016-11-30 08:30:00.25+00', null)" "timezone = 'America/Los_Angeles'" <<'CSV'
1,Heidi,hippo,3,2016-11-30 08:30:00.25
CSV

# --- retention: active from 2016-09-01 12:00, quiet from 2016-10-31 12:00 ---

expect "a customer without an order is not on the list" retention "$now" "" </dev/null

expect "two orders 31 days ago, none since" retention "$now" "
  (4, 1, '2016-10-30 12:00+00', null), (4, 1, '2016-10-30 12:00+00', null)" <<'CSV'
4,Ryan,rhino,2,2016-10-30 12:00:00
CSV

expect "one order is not enough" retention "$now" "
  (4, 1, '2016-10-30 12:00+00', null)" </dev/null

expect "an order exactly 30 days ago is within the last 30 days" retention "$now" "
  (6, 1, '2016-10-01 12:00+00', null), (6, 1, '2016-10-02 12:00+00', null),
  (6, 1, '2016-10-31 12:00+00', null)" </dev/null

expect "a microsecond earlier it belongs to the 60 days before" retention "$now" "
  (6, 1, '2016-10-02 12:00+00', null), (6, 1, '2016-10-31 11:59:59.999999+00', null)" <<'CSV'
6,Eddie,elephant,2,2016-10-31 11:59:59.999999
CSV

expect "exactly 90 days ago counts" retention "$now" "
  (7, 1, '2016-09-01 12:00+00', null), (7, 1, '2016-09-20 12:00+00', null)" <<'CSV'
7,Emma,elephant,2,2016-09-20 12:00:00
CSV

expect "a microsecond earlier does not" retention "$now" "
  (7, 1, '2016-09-01 11:59:59.999999+00', null), (7, 1, '2016-09-20 12:00+00', null)" </dev/null

expect "an order at the instant ends the silence" retention "$now" "
  (8, 1, '2016-10-01 12:00+00', null), (8, 1, '2016-10-02 12:00+00', null),
  (8, 1, '2016-11-30 12:00+00', null)" </dev/null

expect "an order after the instant does not" retention "$now" "
  (8, 1, '2016-10-01 12:00+00', null), (8, 1, '2016-10-02 12:00+00', null),
  (8, 1, '2016-11-30 12:00:00.000001+00', null)" <<'CSV'
8,Eva,elephant,2,2016-10-02 12:00:00
CSV

expect "shipped or not makes no difference; several customers by id" retention "$now" "
  (10, 1, '2016-10-01 12:00+00', null), (10, 1, '2016-10-02 12:00+00', null),
  (2, 1, '2016-10-01 12:00+00', '2016-10-01 17:00+00'),
  (2, 1, '2016-10-02 12:00+00', '2016-11-20 17:00+00'), (2, 1, '2016-10-03 12:00+00', null)" <<'CSV'
2,Robert,rhino,3,2016-10-03 12:00:00
10,Hugo,hippo,2,2016-10-02 12:00:00
CSV

# New York left summer time on 2016-11-06: 30 of its calendar days before the instant are an hour more.
expect "30 days are 720 hours where the clocks changed" retention "$now" "
  (1, 1, '2016-10-01 12:00+00', null), (1, 1, '2016-10-31 11:30+00', null)" \
  "timezone = 'America/New_York'" <<'CSV'
1,Rebecca,rhino,2,2016-10-31 11:30:00
CSV

# --- report: the period is 2016-11-23 to 2016-11-29 ---

expect "seven whole days, zeros where nothing was sold" report "$now" "
  (1, 5, '2016-11-24 09:00+00', null), (2, 7, '2016-11-24 10:00+00', '2016-11-25 17:00+00'),
  (3, 1, '2016-11-29 10:00+00', null)" <<'CSV'
2016-11-23,0,0
2016-11-24,2,12
2016-11-25,0,0
2016-11-26,0,0
2016-11-27,0,0
2016-11-28,0,0
2016-11-29,1,1
CSV

expect "midnight begins a day; the day under way is not in the period" report "$now" "
  (1, 1, '2016-11-22 23:59:59.999999+00', null), (1, 2, '2016-11-23 00:00+00', null),
  (1, 4, '2016-11-23 23:59:59.999999+00', null), (1, 8, '2016-11-24 00:00+00', null),
  (1, 16, '2016-11-29 23:59:59.999999+00', null), (1, 32, '2016-11-30 00:00+00', null)" <<'CSV'
2016-11-23,2,6
2016-11-24,1,8
2016-11-25,0,0
2016-11-26,0,0
2016-11-27,0,0
2016-11-28,0,0
2016-11-29,1,16
CSV

expect "at midnight the day that just ended is in" report "2016-11-30 00:00:00+00" "
  (1, 16, '2016-11-29 23:59:59.999999+00', null), (1, 32, '2016-11-30 00:00+00', null)" \
  "trunkline.period = '2 days'" <<'CSV'
2016-11-28,0,0
2016-11-29,1,16
CSV

expect "days are UTC days whatever the session's time zone" report "2016-11-29 20:00:00-08" "
  (1, 3, '2016-11-29 00:30+00', null), (1, 4, '2016-11-29 23:30+00', null),
  (1, 5, '2016-11-30 00:30+00', null)" \
  "trunkline.period = '1 day'" "timezone = 'America/Los_Angeles'" <<'CSV'
2016-11-29,2,7
CSV

expect "a period of a month" report "2016-03-01 00:00:00+00" "
  (1, 3, '2016-01-31 23:00+00', null), (1, 4, '2016-02-29 23:30+00', null)" \
  "trunkline.period = '1 month'" < <(
  for day in {01..28}; do echo "2016-02-$day,0,0"; done
  echo "2016-02-29,1,4"
)

# --- the instant, where nothing sets it, is now ---

expect "an empty trunkline.as_of means now" shipping "" "
  (1, 1, '2016-11-30 12:00+00', null), (2, 2, 'infinity', null)" <<'CSV'
1,Rebecca,rhino,1,2016-11-30 12:00:00
CSV

actual=$(psql -qX --csv -t -v ON_ERROR_STOP=1 \
  -c "insert into orders (id, customer_id, units, created_at) values
        (99, 1, 1, now() - interval '1 hour'), (100, 1, 1, now() + interval '1 hour')" \
  -f "$root/sql/shipping.sql" -c "delete from orders" | cut -d, -f1)
if [[ $actual == 99 ]]; then
  echo "ok   shipping: without trunkline.as_of the instant is now"
else
  echo "FAIL shipping: without trunkline.as_of the instant is now: got '$actual'"
  failures=$((failures + 1))
fi

((failures == 0)) || { echo "$failures case(s) failed"; exit 1; }
