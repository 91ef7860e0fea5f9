# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # given and read by whoever sources this
# Sourced: Pete's Peanuts on a private Postgres with its archive, and what the stages said of it.
#
#   open_shop     starts all of it, in $work; needs $root and $bin
#   trade DAYS START AS_OF NAME   the shop trades; what the stages then say is $work/NAME.STAGE.csv,
#                 and lsn_of[NAME] and as_of_of[NAME] are that instant
#   archive_all   what has been committed is in $archive
#   close_shop    stops and removes it
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"

declare -A lsn_of as_of_of
stages=(shipping retention report)

open_shop() {
  archive=$work/archive
  start_postgres "wal_level = logical" "timezone = 'America/Los_Angeles'"
  psql -qX -v ON_ERROR_STOP=1 -f "$root/sql/schema.sql" -f "$root/sql/customers.sql" \
    -f "$root/sql/generate.sql" -v tables='customers, orders' -f "$root/sql/source_setup.sql"
  capture=("$bin/trunklined" --source "host=$PGHOST port=$PGPORT user=trunkline dbname=postgres"
    --archive "$archive")
}

# Each call publishes a segment or more.
archive_all() {
  "${capture[@]}" --endpos now 2>"$work/trunklined.log" || { cat "$work/trunklined.log" >&2; return 1; }
}

# live_stage STAGE AS_OF [PERIOD]
live_stage() {
  PGOPTIONS="-c trunkline.as_of=${2// /\\ } -c trunkline.period=${3:-}" \
    psql -qX --csv -f "$root/sql/$1.sql"
}

trade() {
  local days=$1 start=$2 as_of=$3 name=$4 stage
  psql -qX -c "call peanuts.simulate($days, 1, '$start')"
  lsn_of[$name]=$(psql -qXAt -c "select pg_current_wal_insert_lsn()")
  as_of_of[$name]=$as_of
  for stage in "${stages[@]}"; do
    live_stage "$stage" "$as_of" >"$work/$name.$stage.csv"
  done
}

close_shop() {
  stop_postgres
  rm -rf "$work"
}
