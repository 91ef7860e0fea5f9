#!/usr/bin/env bash
# The source set-up script: what it makes, that it can be run again, and that it quotes names.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"

failures=0
check() {
  local name=$1 expected=$2 actual
  actual=$(psql -qXAt -c "$3")
  if [[ $actual == "$expected" ]]; then
    echo "ok   $name"
  else
    echo "FAIL $name: expected '$expected', got '$actual'"
    failures=$((failures + 1))
  fi
}

trap stop_postgres EXIT
start_postgres "wal_level = logical"
psql -qX -v ON_ERROR_STOP=1 -f "$root/sql/schema.sql" -f "$root/sql/customers.sql"

psql -qX -f "$root/sql/source_setup.sql"
psql -qX -f "$root/sql/source_setup.sql"
check "a role that may replicate and log in, and is no superuser" "t|t|f" \
  "select rolreplication, rolcanlogin, rolsuper from pg_roles where rolname = 'trunkline'"
check "it may read every table" "t" "select has_table_privilege('trunkline', 'orders', 'select')"
check "but write none" "f" "select has_table_privilege('trunkline', 'orders', 'insert, update, delete')"
check "a publication of all tables" "t" \
  "select puballtables from pg_publication where pubname = 'trunkline'"
check "the role can make a slot" "slot" "set role trunkline;
  select slot_name from pg_create_logical_replication_slot('slot', 'pgoutput', true)"

psql -qX -v role='Pete "P"' -v publication="it's all" -v tables='customers, orders' \
  -f "$root/sql/source_setup.sql"
check "names are quoted" "t" "select rolreplication from pg_roles where rolname = 'Pete \"P\"'"
check "a publication of some tables" "customers,orders" "select string_agg(tablename, ',' order by 1)
  from pg_publication_tables where pubname = 'it''s all'"

((failures == 0)) || exit 1
