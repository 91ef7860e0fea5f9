#!/usr/bin/env bash
# The whole product on a real Postgres 15, from a bare Debian 12 (root or sudo): builds Trunkline,
# starts a Postgres of its own, archives 120 days of trade while they happen, and goes back to two of
# them. Leaves nothing behind but build/.
#
#   ./demo.sh                    with the archive in a folder
#   ./demo.sh --pfs              in PFS, on the server of tests/pfs_server
#   ./demo.sh --archive ADDRESS  in an empty place of yours, which keeps it: pfs://…, s3://…, /path
set -euo pipefail
cd "$(dirname "$0")"
# Whatever the caller connects to is none of our business.
while read -r name; do unset "$name"; done < <(compgen -e PG)
export DEBIAN_FRONTEND=noninteractive TZ=UTC PGTZ=UTC LC_ALL=C.UTF-8

# shellcheck source=tools/private_postgres.sh
source tools/private_postgres.sh

usage() {
  echo "usage: ${0##*/} [--pfs | --archive ADDRESS]" >&2
  exit 2
}
archive=
targets=(trunkline trunklined)
case ${1:-} in
  '') ;;
  --pfs)
    (($# == 1)) || usage
    targets+=(pfs_test_server)
    ;;
  --archive)
    (($# == 2)) || usage
    archive=$2
    ;;
  *) usage ;;
esac

bold=''
plain=''
if [[ -t 1 ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi
heading() { printf '\n%s=== %s ===%s\n\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$*"; }
shows() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }

work=
daemon_pid=
server_pid=
clean_up() {
  [[ -z $daemon_pid ]] || kill "$daemon_pid" 2>/dev/null || true
  [[ -z $server_pid ]] || kill "$server_pid" 2>/dev/null || true
  wait
  stop_postgres
  [[ -z $work ]] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# quietly COMMAND…: its output only where it fails.
quietly() {
  "$@" >"$work/quietly.log" 2>&1 </dev/null || {
    cat "$work/quietly.log" >&2
    echo "failed: $*" >&2
    return 1
  }
}

build() {
  quietly tools/install_packages.sh build
  quietly cmake --preset release
  quietly cmake --build --preset release --target "${targets[@]}" -- --quiet
}

wait_for_snapshot() {
  local tenths
  for ((tenths = 0; tenths < 300; tenths++)); do
    if build/bin/trunkline info --json "$archive" 2>/dev/null | grep -q '"complete": true'; then
      return
    fi
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/trunklined.log" >&2
  echo "trunklined made no base snapshot" >&2
  return 1
}

# A server of Pachyderm's file system; $archive is a branch there.
start_pfs() {
  local tenths
  build/bin/pfs_test_server --listen 127.0.0.1:0 --finishing-ms 100 2>"$work/pfs.log" &
  server_pid=$!
  for ((tenths = 0; tenths < 100; tenths++)); do
    if grep -q '^listening on ' "$work/pfs.log"; then
      archive=pfs://$(sed -n 's/^listening on //p' "$work/pfs.log")/trunkline@master
      return
    fi
    sleep 0.1
  done
  cat "$work/pfs.log" >&2
  return 1
}

start_daemon() {
  build/bin/trunklined --source "$source" --archive "$archive" 2>>"$work/trunklined.log" &
  daemon_pid=$!
}

# record DAY: what Postgres holds now, as COPY writes it, with the exact LSN of that snapshot. A
# temporary slot gives both in one; they last as long as its session, from which \! runs the copy.
record() {
  mkdir -p "$work/truth/$1"
  cat >"$work/copy.sql" <<'SQL'
begin isolation level repeatable read;
set transaction snapshot :'snapshot';
\o public.customers.csv
copy public.customers to stdout (format csv, header);
\o public.orders.csv
copy public.orders to stdout (format csv, header);
\o
commit;
SQL
  FOLDER=$work/truth/$1 psql -qX -v ON_ERROR_STOP=1 "dbname=$PGDATABASE replication=database" <<'SQL'
CREATE_REPLICATION_SLOT record TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')
\gset
\setenv LSN :consistent_point
\setenv SNAPSHOT :snapshot_name
\! cd "$FOLDER" && echo "$LSN" >lsn && psql -qX -v ON_ERROR_STOP=1 -v snapshot="$SNAPSHOT" -f ../../copy.sql
SQL
}

simulate() {
  local days=$1 start=$2
  say "  $days days of trade from $start"
  psql -qX -v ON_ERROR_STOP=1 -c "call peanuts.simulate($days, 7, '$start')"
}

# stages DAY AS_OF HEADING: the three stages on the state of that day.
stages() {
  local day=$1 as_of=$2 stage lsn
  lsn=$(<"$work/truth/$day/lsn")
  heading "$3: $as_of"
  for stage in shipping retention report; do
    shows "trunkline query ARCHIVE --at lsn:$lsn --as-of '$as_of' -f sql/$stage.sql --format table"
    build/bin/trunkline query "$archive" --at "lsn:$lsn" --as-of "$as_of" \
      -f "sql/$stage.sql" --format table 2>"$work/query.log" || { cat "$work/query.log" >&2; return 1; }
  done
}

# prove DAY: rebuilds that day as CSV and compares it with what Postgres held, row for row.
prove() {
  local day=$1 table rows
  local folder=$work/rebuilt/$day
  quietly build/bin/trunkline replay "$archive" --at "lsn:$(<"$work/truth/$day/lsn")" \
    --to "csv:$folder"
  for table in public.customers public.orders; do
    diff <(sort "$work/truth/$day/$table.csv") <(sort "$folder/$table.csv") >"$work/diff" || {
      head "$work/diff" >&2
      echo "$day: the rebuilt $table is not what Postgres held" >&2
      return 1
    }
    rows=$(($(wc -l <"$folder/$table.csv") - 1))
    say "  $day  $table: $rows rows, equal to what COPY wrote then"
  done
}

work=$(mktemp -d)
heading "1. Build"
say "Installing what is missing and building; the first time takes some minutes."
build
say "build/bin/trunklined and build/bin/trunkline are ready."
if [[ ${1:-} == --pfs ]]; then start_pfs; fi
: "${archive:=$work/archive}"

heading "2. A shop on Postgres 15, and trunklined beside it"
start_postgres "wal_level = logical"
quietly psql -qX -c "create database shop"
export PGDATABASE=shop
quietly psql -qX -v ON_ERROR_STOP=1 -f sql/schema.sql -f sql/customers.sql -f sql/generate.sql \
  -v tables='customers, orders' -f sql/source_setup.sql
source="host=$PGHOST user=trunkline dbname=shop"
shows "trunklined --source 'user=trunkline dbname=shop …' --archive ARCHIVE &"
start_daemon
wait_for_snapshot
say "Customers of Pete's Peanuts: $(psql -qXAt -c "select string_agg(name, ', ' order by id) from customers")."
say "The base snapshot is archived; from here on trunklined follows the stream:"
simulate 60 2016-08-02
record day-60
kill -KILL "$daemon_pid"
{ wait "$daemon_pid" || true; } 2>/dev/null
start_daemon
say "  trunklined was killed (SIGKILL) and started again"
simulate 20 2016-10-01
record day-80
simulate 40 2016-10-21
record day-120
say "Postgres holds $(psql -qXAt -c "select count(*) from orders") orders."
kill -TERM "$daemon_pid"
wait "$daemon_pid" || { cat "$work/trunklined.log" >&2; exit 1; }
daemon_pid=
say "trunklined was stopped. Once more, for what it had not received yet:"
shows "trunklined --source … --archive ARCHIVE --endpos now"
build/bin/trunklined --source "$source" --archive "$archive" --endpos now 2>>"$work/trunklined.log" ||
  { cat "$work/trunklined.log" >&2; exit 1; }
stop_postgres
say "Postgres is gone now. The archive is all that is left."

stages day-60 '2016-10-01 00:00+00' "3. Back to day 60"
stages day-80 '2016-10-21 00:00+00' "4. Back to day 80"
stages day-120 '2016-11-30 00:00+00' "5. Now, day 120"

heading "6. The life of one order, from the log"
order=$(build/bin/trunkline query "$archive" --at "lsn:$(<"$work/truth/day-60/lsn")" --format csv \
  -c "select id from orders where shipped_at is null order by created_at limit 1" 2>/dev/null | tail -n 1)
shows "trunkline log ARCHIVE --table orders --key $order"
build/bin/trunkline log "$archive" --table orders --key "$order"

heading "7. The rebuilt days are what Postgres held"
prove day-60
prove day-80
prove day-120

heading "8. The archive"
shows "trunkline info ARCHIVE"
build/bin/trunkline info "$archive"
number() { build/bin/trunkline info "$archive" --json | sed -n "s/^  \"$1\": \([0-9]*\),*$/\1/p"; }
awk -v bytes="$(number segment_bytes)" -v changes="$(number changes)" 'BEGIN {
  printf "\n%d bytes of segments for %d changes: %.1f bytes a change\n\n", bytes, changes, bytes / changes
}'
shows "trunkline verify ARCHIVE"
build/bin/trunkline verify "$archive"
