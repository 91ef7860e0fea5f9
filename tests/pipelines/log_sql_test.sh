#!/usr/bin/env bash
# `trunkline log --format sql`, played on a rebuilt base snapshot, leads to what the source holds, and
# `--format undo`, played on that, leads back.
# Usage: log_sql_test.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail
bin=$(cd "${1:?the folder of trunkline and trunklined}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"
trap 'stop_postgres; rm -rf "$work"' EXIT

start_postgres "wal_level = logical"
sql() { psql -qX -v ON_ERROR_STOP=1 "$@"; }
sql <<'SQL'
create type mood as enum ('so so', 'it''s ok');
create type pair as (a integer, b text);
create table kinds (
  id bigint generated always as identity primary key,
  t text, b bytea, j json, x xml, p point, n numeric, f float8, m mood, ms mood[], d date, ts timestamptz,
  iv interval, c char(4), bits bit(3), pr pair, flag boolean, money money,
  twice bigint generated always as (id * 2) stored
);
create table long (a text, b text, wide text, note text, primary key (a, b));
alter table long alter wide set storage external;
create table twins (a integer, b text, j json, pr pair);
alter table twins replica identity full;
create table logs (line text);
alter table logs replica identity nothing;
create table "Odd "" name" ("a ""b" integer primary key, "select" text);
create table parted (k integer, v text, primary key (k)) partition by range (k);
create table parted_1 partition of parted for values from (0) to (10);
create table parted_2 partition of parted for values from (10) to (20);
create table keys_alone (k integer primary key);
insert into twins select 1, 'same' from generate_series(1, 3);
insert into long values ('k', '1', repeat('wide', 3000), 'first');
insert into parted values (1, 'one'), (11, 'eleven');
SQL
sql -f "$root/sql/source_setup.sql" 2>/dev/null
sql -c "alter publication trunkline set (publish_via_partition_root = true)"
capture() {
  "$bin/trunklined" --source "host=$PGHOST port=$PGPORT user=trunkline dbname=postgres" \
    --archive "$work/archive" --endpos now 2>"$work/trunklined.log" ||
    { cat "$work/trunklined.log" >&2; return 1; }
}
capture
base=$(basename "$(dirname "$work"/archive/snapshots/*/complete)")
base=lsn:${base:0:8}/${base:8}

sql <<'SQL'
insert into kinds (t, b, j, x, p, n, f, m, ms, d, ts, iv, c, bits, pr, flag, money) values
  (E'two\nlines\r\\ and ''quotes''', '\x00ff', '{"a": [1, 2]}', '<a>&amp;</a>', '(1,2)', 1.10, 'NaN',
   'it''s ok', '{"so so",NULL}', '0044-03-15 BC', 'infinity', '1 mon -2 days', 'c', '101',
   '(1,"b ""x")', true, '1234.5'),
  ('commit; -- xid 1', null, null, null, null, null, null, null, null, null, null, null, null, null,
   '(,)', null, null),
  ('', '', '""', '', null, 'Infinity', 0.1, null, '{}', null, null, null, '', null, null, false, null);
update kinds set t = 'changed', n = 1.100 where id = 1;
update long set note = 'the wide one is not sent';
update long set b = '2', note = E'nor\nhere';
insert into long values ('k', '1', null, '');
delete from long where a = 'k' and b = '1';
insert into twins values (null, '', null, null), (null, null, '{"j": 1}', '(,)'), (2, 'x ', '1', null);
update twins set b = 'one of three' where ctid = (select ctid from twins where a = 1 limit 1);
delete from twins where ctid = (select ctid from twins where b = 'same' limit 1);
update twins set a = 0 where b = '';
delete from twins where b is null;
insert into logs values ('a'), ('a');
insert into "Odd "" name" values (1, 'x'), (2, 'y');
update "Odd "" name" set "select" = null, "a ""b" = 3 where "a ""b" = 1;
update parted set v = 'still one' where k = 1;
update parted set k = 12 where k = 1;
delete from parted where k = 11;
insert into keys_alone values (1), (2);
update keys_alone set k = k;
delete from keys_alone where k = 1;
select trunkline.restore_point(E'before\nthe truncate') as point \gset
truncate "Odd "" name", logs restart identity;
insert into logs values ('after');
SQL
capture

# Every row of every table, as text; rows that are equal count each.
contents() {
  local table
  for table in kinds long twins logs '"Odd "" name"' parted keys_alone; do
    echo "== $table"
    psql -qXAt --dbname "$1" -c "select t::text from $table t order by 1"
  done
}
# rebuild NAME TARGET: a database of that instant.
rebuild() {
  "$bin/trunkline" replay "$work/archive" --at "$2" --to postgresql:///postgres \
    --create-database "$1" >"$work/replay.log" 2>&1 || { cat "$work/replay.log"; return 1; }
}
# play NAME FILE [TARGET]
play() {
  rebuild "$1" "${3:-$base}" && sql --dbname "$1" --file "$2" --output /dev/null
}
log_sql() { "$bin/trunkline" log "$1" --format sql "${@:2}"; }

log_sql "$work/archive" --from "$base" >"$work/log.sql"
check "the log plays on the base snapshot" play played "$work/log.sql"
check "and leads to what the source holds" diff <(contents postgres) <(contents played)
check "of which there is something to see" test "$(contents played | wc -l)" -gt 12
check "each command stands on a line of its own" test -z \
  "$(grep -Ev '^(set|begin|commit|insert|update|delete|truncate|-- message) ?.*(;|$)|^-- ' "$work/log.sql")"
check "one of three equal rows is changed" test "$(grep -c '^update.*one of three' "$work/log.sql")" -eq 1

"$bin/trunkline" log "$work/archive" --format undo --from "$base" >"$work/undo.sql"
check "the changes can be taken back" play undone "$work/undo.sql" latest
check "the base snapshot can be rebuilt" rebuild based "$base"
check "and taking back leads to it" diff <(contents based) <(contents undone)

# One segment by itself, as the pipeline has it: no snapshot, no segment before it.
mkdir -p "$work/alone/changes"
cp "$work/archive/identity" "$work/alone"
cp "$(find "$work/archive/changes" -name '*.seg' | sort | tail -n 1)" "$work/alone/changes"
log_sql "$work/alone" >"$work/alone.sql"
check "a segment alone is enough" play alone "$work/alone.sql"
check "and leads to the same" diff <(contents postgres) <(contents alone)

summarize
