#!/usr/bin/env bash
# Each stage on a live Postgres, on its archive with `trunkline query`, and as its Pachyderm pipeline:
# the three agree at several instants. Usage: pipelines_test.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail
bin=$(cd "${1:?the folder of trunkline and trunklined}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"

failures=0
check() {
  local name=$1
  shift
  if "$@"; then
    echo "ok   $name"
  else
    echo "FAIL $name"
    failures=$((failures + 1))
  fi
}

work=$(mktemp -d)
archive=$work/archive
daemon_pid=
clean_up() {
  [[ -z $daemon_pid ]] || kill "$daemon_pid" 2>/dev/null || true
  wait
  stop_postgres
  rm -rf "$work"
}
trap clean_up EXIT

# --- the specs themselves ---

# Named after its pipeline, and with known fields only: Pachyderm refuses a misspelt one.
spec_is_sound() {
  # shellcheck disable=SC2016
  jq -e --arg name "$(basename "$1" .json)" '
    .pipeline.name == $name and
    (keys - ["pipeline", "description", "input", "transform", "datum_tries", "autoscaling"] == []) and
    (.transform | keys - ["image", "cmd", "env"] == []) and
    (.input.pfs | keys - ["name", "repo", "branch", "glob"] == []) and
    (.transform.env | all(.[]; type == "string"))' "$1" >/dev/null
}
for spec in "$root"/pipelines/*.json; do
  check "$(basename "$spec") is sound" spec_is_sound "$spec"
done

# --- a shop, its archive, and what the stages said on the live database ---

start_postgres "wal_level = logical" "timezone = 'America/Los_Angeles'"
psql -qX -v ON_ERROR_STOP=1 -f "$root/sql/schema.sql" -f "$root/sql/customers.sql" \
  -f "$root/sql/generate.sql" -v tables='customers, orders' -f "$root/sql/source_setup.sql"

capture=("$bin/trunklined" --source "host=$PGHOST port=$PGPORT user=trunkline dbname=postgres"
  --archive "$archive")
"${capture[@]}" 2>"$work/trunklined.log" &
daemon_pid=$!
for ((tenths = 0; tenths < 300; tenths++)); do
  compgen -G "$archive/snapshots/*/complete*" >/dev/null && break
  sleep 0.1
done

# live_stage STAGE AS_OF [PERIOD]
live_stage() {
  PGOPTIONS="-c trunkline.as_of=${2// /\\ } -c trunkline.period=${3:-}" \
    psql -qX --csv -f "$root/sql/$1.sql"
}

# trade DAYS START AS_OF NAME: the shop trades, and what the stages then say is kept.
declare -A lsn_of as_of_of
trade() {
  local days=$1 start=$2 as_of=$3 name=$4 stage
  psql -qX -c "call peanuts.simulate($days, 1, '$start')"
  lsn_of[$name]=$(psql -qXAt -c "select pg_current_wal_insert_lsn()")
  as_of_of[$name]=$as_of
  for stage in shipping retention report; do
    live_stage "$stage" "$as_of" >"$work/$name.$stage.csv"
  done
}
trade 60 2016-08-02 '2016-10-01 00:00:00+00' day60
trade 20 2016-10-01 '2016-10-21 00:00:00+00' day80
trade 40 2016-10-21 '2016-11-30 00:00:00+00' day120

kill -TERM "$daemon_pid"
wait "$daemon_pid" || { cat "$work/trunklined.log" >&2; exit 1; }
daemon_pid=
"${capture[@]}" --endpos now 2>>"$work/trunklined.log" || { cat "$work/trunklined.log" >&2; exit 1; }

check "the trade gives the stages something to say" test \
  "$(cat "$work"/day*.retention.csv | wc -l)" -ge 7 -a "$(wc -l <"$work/day60.shipping.csv")" -gt 5

# --- the same from the archive, and from the archive through the pipelines ---

query_agrees() {
  local name=$1 stage=$2
  "$bin/trunkline" query "$archive" --at "lsn:${lsn_of[$name]}" --as-of "${as_of_of[$name]}" \
    --format csv -f "$root/sql/$stage.sql" >"$work/query.csv" 2>"$work/query.log" ||
    { cat "$work/query.log"; return 1; }
  diff "$work/$name.$stage.csv" "$work/query.csv"
}

# pipeline STAGE [NAME=VALUE…]: runs its spec; what it wrote is in $work/out.
pipeline() {
  local stage=$1 code=0
  shift
  rm -rf "$work/out"
  mkdir "$work/out"
  "$root/tests/pipelines/run_spec.sh" "$root/pipelines/$stage.json" "$archive" "$bin" \
    "$work/out" "$@" >"$work/pipeline.log" 2>&1 || code=$?
  if ((code == 77)); then
    cat "$work/pipeline.log"
    exit 77
  fi
  return "$code"
}
pipeline_agrees() {
  local name=$1 stage=$2
  shift 2
  pipeline "$stage" "TRUNKLINE_AS_OF=${as_of_of[$name]}" "$@" ||
    { cat "$work/pipeline.log"; return 1; }
  [[ $(ls -A "$work/out") == "$stage.csv" ]] || { ls -lA "$work/out"; return 1; }
  diff "$work/$name.$stage.csv" "$work/out/$stage.csv"
}

for stage in shipping retention report; do
  for name in day60 day80 day120; do
    check "query $stage at $name" query_agrees "$name" "$stage"
  done
  check "pipeline $stage, as its spec has it" pipeline_agrees day120 "$stage"
  check "pipeline $stage at a past LSN" \
    pipeline_agrees day60 "$stage" "TRUNKLINE_AT=lsn:${lsn_of[day60]}"
done

live_stage report '2016-11-30 00:00:00+00' '2\ days' >"$work/day120.report.csv"
check "pipeline report with another period" \
  pipeline_agrees day120 report "TRUNKLINE_PERIOD=2 days"
check "that period was of two days" test "$(wc -l <"$work/out/report.csv")" -eq 3

fails_and_writes_nothing() {
  ! pipeline "$@" && [[ -z $(ls -A "$work/out") ]]
}
check "a target that the archive does not reach fails, and nothing is written" \
  fails_and_writes_nothing shipping TRUNKLINE_AT=lsn:FFFF/0
archive=$work/empty
mkdir "$archive"
check "an empty archive fails, and nothing is written" fails_and_writes_nothing shipping

((failures == 0)) || { echo "$failures check(s) failed"; exit 1; }
