#!/usr/bin/env bash
# The order generator: the same seed gives the same trade, in one go or in two, and the trade has what
# the stages look for.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"
# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"

# trade DATABASE CALL…: a new database in which the calls of peanuts.simulate have run.
trade() {
  local database=$1 call
  shift
  psql -qX -c "create database $database"
  psql -qX -d "$database" -v ON_ERROR_STOP=1 -f "$root/sql/schema.sql" -f "$root/sql/customers.sql" \
    -f "$root/sql/generate.sql"
  for call in "$@"; do
    psql -qX -d "$database" -v ON_ERROR_STOP=1 -c "call peanuts.simulate($call)"
  done
}

contents() { psql -qXAt -d "$1" -c "table orders order by id" -c "table customers order by id"; }
same() { [[ $(contents "$1") == "$(contents "$2")" ]]; }
differ() { ! same "$1" "$2"; }
holds() { [[ $(psql -qXAt -d "$1" -c "select $2") == t ]]; }

trap stop_postgres EXIT
start_postgres "timezone = 'America/Los_Angeles'"
trade whole "120, 7, '2016-08-02'"
trade halves "50, 7, '2016-08-02'" "70, 7, '2016-09-21'"
trade other "120, 8, '2016-08-02'"

check "the same seed gives the same orders, whether simulated in one go or in two" same whole halves
check "another seed gives others" differ whole other
check "the trade keeps to its days" holds whole "min(created_at) >= '2016-08-02 00:00+00'
  and max(created_at) < '2016-11-30 00:00+00' and max(shipped_at) < '2016-11-30 00:00+00' from orders"
check "orders were cancelled" holds whole "max(id) > count(*) from orders"
check "thousands of transactions, one a change" holds whole "count(distinct xmin::text) > 2500
  and count(distinct xmin::text) = count(*) from orders"
check "orders of the last days are still to be shipped" holds whole \
  "count(*) between 1 and 100 from orders where shipped_at is null"
check "the seed's customer left after day 25" holds whole "max(created_at) < '2016-08-27 00:00+00'
  from orders where customer_id = 8"
check "another was away from day 40 to day 85" holds whole "
  count(*) filter (where created_at >= '2016-09-11 00:00+00'
                     and created_at < '2016-10-27 00:00+00') = 0 and count(*) > 50
  from orders where customer_id = 1"
check "a third left after day 85" holds whole "max(created_at) < '2016-10-26 00:00+00'
  from orders where customer_id = 5"

summarize
