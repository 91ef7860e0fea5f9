#!/usr/bin/env bash
# Each stage on a live Postgres, on its archive with `trunkline query`, and in each way of pipelines/:
# all agree. Usage: pipelines_test.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail
bin=$(cd "${1:?the folder of trunkline and trunklined}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"
# shellcheck source=tests/pipelines/shop.sh
source "$root/tests/pipelines/shop.sh"
trap close_shop EXIT

check "the specs are sound" "$root/pipelines/run" --check "$root"/pipelines/*.json

open_shop
archive_all
trade 60 2016-08-02 '2016-10-01 00:00:00+00' day60
trade 20 2016-10-01 '2016-10-21 00:00:00+00' day80
archive_all
check "the trade gives the stages something to say" test \
  "$(cat "$work"/day*.retention.csv | wc -l)" -ge 4 -a "$(wc -l <"$work/day60.shipping.csv")" -gt 5

# pipelines FILE [ARGUMENT…]: what they say is in $work/log, what they wrote in $work/out.
pipelines() {
  local file=$1 code=0
  shift
  "$root/pipelines/run" "$root/pipelines/$file.json" --repo "trunkline=$archive" --bin "$bin" \
    --out "$work/out" --state "$work/state" --parallel 2 "$@" >"$work/log" 2>&1 || code=$?
  if ((code == 77)); then
    cat "$work/log"
    exit 77
  fi
  return "$code"
}
runs() { pipelines "$@" || { cat "$work/log"; return 1; }; }
# agree NAME FOLDER: the stages' answers, in folders of that beginning, are those of the instant.
agree() {
  local stage
  for stage in "${stages[@]}"; do
    [[ $(ls -A "$work/out/$2$stage") == "$stage.csv" ]] || { ls -lA "$work/out/$2$stage"; return 1; }
    diff "$work/$1.$stage.csv" "$work/out/$2$stage/$stage.csv" || return 1
  done
}
said() { grep -qF -- "$1" "$work/log" || { cat "$work/log"; return 1; }; }

# --- trunkline query, as three pipelines ---

query_agrees() {
  "$bin/trunkline" query "$archive" --at "lsn:${lsn_of[$1]}" --as-of "${as_of_of[$1]}" \
    --format csv -f "$root/sql/$2.sql" >"$work/query.csv" 2>"$work/query.log" ||
    { cat "$work/query.log"; return 1; }
  diff "$work/$1.$2.csv" "$work/query.csv"
}
check "query at a past instant" query_agrees day60 shipping

direct_pipelines() {
  local stage
  for stage in "${stages[@]}"; do pipelines "$stage" "$@" || return 1; done
}
check "the stages' pipelines" direct_pipelines --env "TRUNKLINE_AS_OF=${as_of_of[day80]}"
check "agree" agree day80 ""
check "at a past LSN" runs shipping --env "TRUNKLINE_AS_OF=${as_of_of[day60]}" \
  --env "TRUNKLINE_AT=lsn:${lsn_of[day60]}"
check "it agrees with what was said then" \
  diff "$work/day60.shipping.csv" "$work/out/shipping/shipping.csv"

live_stage report "${as_of_of[day80]}" '2\ days' >"$work/two_days.csv"
check "a report of another period" runs report --env "TRUNKLINE_AS_OF=${as_of_of[day80]}" \
  --env "TRUNKLINE_PERIOD=2 days"
check "agrees" diff "$work/two_days.csv" "$work/out/report/report.csv"
check "and is of two days" test "$(wc -l <"$work/out/report/report.csv")" -eq 3

fails() { ! pipelines "$@"; }
check "a target that the archive does not reach fails" fails shipping --env TRUNKLINE_AT=lsn:FFFF/0
check "and leaves the answer as it was" \
  diff "$work/day60.shipping.csv" "$work/out/shipping/shipping.csv"

# --- each way at day 80, then a segment more ---

at=(--env "TRUNKLINE_AS_OF=${as_of_of[day80]}")
server=(--env "PGHOST=$PGHOST" --env PGUSER=keeper --env PGPASSWORD=)
psql -qX -c "create role keeper login createdb"
databases() { "$root/pipelines/bin/drop_database.sh" --list | wc -l; }

check "CSV" runs csv "${at[@]}"
check "agrees" agree day80 csv-
parts_are_the_whole() {
  "$bin/trunkline" replay "$archive" --at latest --to "csv:$work/whole" --tables orders 2>/dev/null &&
    test "$(cat "$work"/out/csv/orders/*.csv | sort -u | wc -l)" -gt 1000 &&
    diff <(tail -n +2 "$work/whole/public.orders.csv" | sort) \
      <(tail -qn +2 "$work"/out/csv/orders/*.csv | sort)
}
check "the four parts of orders are the whole, each row once" parts_are_the_whole

check "PGDATA" runs pgdata "${at[@]}"
check "agrees" agree day80 pgdata-
check "the log" runs log "${at[@]}"
check "agrees" agree day80 log-
# The server outside has to be of the version whose pg_dump the image has.
major_of() { "$@" | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }
outside=$(major_of pg_dump --version)
if [[ $(major_of psql -qXAt -c "show server_version") != "$outside" ]]; then
  echo "skip a database outside: pg_dump here is of Postgres $outside"
  outside=
fi
if [[ -n $outside ]]; then
  check "a role that cannot set the instant fails" fails database "${at[@]}" "${server[@]}"
  check "and is told why" said "GRANT SET ON PARAMETER trunkline.as_of"
  check "and no database is left" test "$(databases)" -eq 0
  psql -qX -c "grant set on parameter trunkline.as_of to keeper"
  check "a database outside with its dump" runs database "${at[@]}" "${server[@]}"
  check "agrees" agree day80 database-
  check "the dump is whole" pg_restore --list "$work"/out/database/*.dump --file "$work/dump.list"
  check "a database outside, dumped beside the stages" runs database_early "${at[@]}" "${server[@]}"
  check "agrees" agree day80 early-
  check "the dump is whole" pg_restore --list "$work"/out/database-dump/*.dump --file "$work/dump.list"
  check "two databases are on the server" test "$(databases)" -eq 2
fi

trade 5 2016-10-21 '2016-10-26 00:00:00+00' day85
archive_all
at=(--env "TRUNKLINE_AS_OF=${as_of_of[day80]}")
check "a segment more" runs log "${at[@]}" --only log --only log-base
check "is one datum more of the log" said "log: 2 datums, 1 processed, 1 skipped, 0 gone"
check "and the base snapshot is not rebuilt" said "log-base: 1 datum, 0 processed, 1 skipped"
check "a stage, later" runs log --env "TRUNKLINE_AS_OF=${as_of_of[day85]}" --only log-shipping
check "agrees" diff "$work/day85.shipping.csv" "$work/out/log-shipping/shipping.csv"

check "a base snapshot from the archive alone" runs snapshot --env "TRUNKLINE_ARCHIVE=$archive" \
  --env PACH_TOKEN=
check "says where it is" grep -q "base snapshot at " "$work/out/snapshot/snapshot.txt"
base_snapshots() { "$bin/trunkline" info --json "$archive" | jq '[.snapshots[] | select(.complete)] | length'; }
check "there are two now" test "$(base_snapshots)" -eq 2
check "and the archive is sound" "$bin/trunkline" verify "$archive" >/dev/null
check "the stages that begin there" runs shipping --env "TRUNKLINE_AS_OF=${as_of_of[day85]}"
check "agree" diff "$work/day85.shipping.csv" "$work/out/shipping/shipping.csv"

# What the source lost cannot be played over.
cp -R "$archive" "$work/gapped"
: >"$work/gapped/changes/FFFFFFFF00000000-FFFFFFFF00000010.gap.seg"
check "a gap" runs log --only log --repo "trunkline=$work/gapped"
check "becomes a file" test -s "$work/out/log/FFFFFFFF00000000-FFFFFFFF00000010.sql"
refuses_to_be_run() { ! psql -qX -v ON_ERROR_STOP=1 -f "$1" 2>"$work/log" && said "the source lost"; }
check "that refuses to be run" refuses_to_be_run \
  "$work/out/log/FFFFFFFF00000000-FFFFFFFF00000010.sql"

# --- databases are not left behind ---

if [[ -n $outside ]]; then
  mkdir "$work/drop"
  for folder in database database-id; do
    find "$work/out/$folder" -type f ! -name '*.dump' -exec cp {} "$work/drop" \;
  done
  check "databases are dropped when told to" runs database_drop --repo "trunkline-drop=$work/drop" \
    "${server[@]}"
  check "and are gone" test "$(databases)" -eq 0

  # The first try does all of its work, leaves another's half-made database, and is then killed.
  # shellcheck disable=SC2016
  jq -n --slurpfile specs "$root/pipelines/database_early.json" --arg flag "$work/killed" '
    $specs[0] | .transform.cmd = ["bash", "-c", ("/opt/trunkline/pipelines/bin/database.sh || exit; " +
      "[[ ! -e \($flag) ]] || exit 0; touch \($flag); kill -9 $$")]' >"$work/killed.json"
  killed_once() {
    "$root/pipelines/run" "$work/killed.json" --repo "trunkline=$archive" --bin "$bin" \
      --out "$work/out2" "${server[@]}" >"$work/log" 2>&1 || { cat "$work/log"; return 1; }
  }
  check "a datum killed after its work is tried again" killed_once
  check "it was" said "try 1 of 2"
  check "and there is one database" test "$(databases)" -eq 1
  for other in postgres template1 "trunkline_x" 'trunkline_"; --'; do
    check "drop_database.sh refuses $other" test \
      "$("$root/pipelines/bin/drop_database.sh" "$other" 2>&1)" = "\"$other\" is no name that database.sh gives"
  done
fi

summarize
