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

# DDL capture. What the stream says of it, as the prefixes of its messages.
psql -qX -c "select pg_create_logical_replication_slot('told', 'test_decoding')" >/dev/null
told() {
  psql -qXAt -c "$1" >/dev/null 2>"$PG_FOLDER/told.log"
  psql -qXAt -c "select coalesce(string_agg(substring(data from 'prefix: ([a-z_.]+)'), ' '), '')
    from pg_logical_slot_get_changes('told', null, null)
    where data like 'message:%' and data not like '%prefix: trunkline.defined,%'"
}
check_told() {
  local name=$1 expected=$2 actual
  actual=$(told "$3")
  if [[ $actual == "$expected" ]]; then
    echo "ok   $name"
  else
    echo "FAIL $name: expected '$expected', got '$actual'; $(cat "$PG_FOLDER/told.log")"
    failures=$((failures + 1))
  fi
}
one=trunkline.definition
both="$one $one"
psql -qX -v ON_ERROR_STOP=1 -c "create role joe login" -c "grant create on schema public to joe"
check "both publications are captured" "it's all,trunkline" \
  "select string_agg(c, ',' order by c) from trunkline.captured() c"
told "select" >/dev/null
check_told "a table that leaves a publication" "$both" \
  "alter publication \"it's all\" drop table customers"
check_told "a publication that goes" "$both" "drop publication \"it's all\""
check_told "an unprivileged role's table" "$one" "set role joe; create table t (id int primary key)"
check_told "create table as, select into" "$both" "create table a as select 1 x; select 2 y into b"
check_told "renames" "$both $one" "alter table t rename to u; alter table u rename id to i;
  alter index t_pkey rename to k"
check_told "in a DO block, what a drop takes with it" "$both" \
  "do 'begin create table d (x int); drop table d; end'"
check_told "labels" "$both $one" "create type m as enum ('a'); alter table u add m m default 'a';
  alter type m add value 'b'; alter type m rename value 'a' to 'z'"
check_told "the publication" "$one" "alter publication trunkline set (publish = 'insert')"
check_told "what cannot matter" "" "create temp table x (y int); alter table x add z int; drop table x;
  create view v as select 1; drop view v; create function f() returns int language sql as 'select 1'"
check_told "nothing twice, and anew after a rollback" "$both" "begin; alter table u add q int;
  alter table u alter q set statistics 5; savepoint s; alter table u add r int; rollback to s;
  alter table u add r int; commit"
psql -qX -c "begin; alter table u add w int; insert into u (i, w) values (1, 1);
  savepoint s; alter table u add v int; release s; insert into u (i, v) values (2, 2); commit"
check "a row right behind a change of its table comes behind the definition" \
  "definition,row,definition,row" \
  "select string_agg(case when data like 'table %' then 'row' else 'definition' end, ',')
   from pg_logical_slot_get_changes('told', null, null)
   where data like 'table public.u%' or data like '%prefix: trunkline.definition,%'"
check_told "a restore point" "trunkline.restore_point" "select trunkline.restore_point('x')"
check_told "by the capturing role" "trunkline.restore_point" \
  "set role trunkline; select trunkline.restore_point('x')"
check_told "not without a name" "" "select trunkline.restore_point('')"
check_told "nor by anyone" "" "set role joe; select trunkline.restore_point('x')"
check "values print as the daemon reads them" "2020-01-01 00:00:00+00" "set datestyle = 'german';
  set timezone = 'Asia/Tokyo'; alter table u add at timestamptz default '2020-01-01 01:00+01';
  select c ->> 'missing' from json_array_elements(trunkline.definition('trunkline') -> 'tables') t,
    json_array_elements(t -> 'columns') c where c ->> 'name' = 'at'"
told "select" >/dev/null
psql -qX -c "create or replace function trunkline.emit_definition(publication name, emitted text)
  returns text language plpgsql as 'begin raise division_by_zero; end'"
check_told "a failure of ours is no failure of theirs" \
  "trunkline.definition_failed trunkline.definition_failed" \
  "create table still (x int)"
check "the table is there" "t" "select to_regclass('still') is not null"

((failures == 0)) || exit 1
