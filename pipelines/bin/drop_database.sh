#!/usr/bin/env bash
# Removes databases that database.sh made. Usage: drop_database.sh ID… | --list
#
# One that is not there is done already. Names of another kind are refused. --list prints what is on
# the server, with the jobs that made it. Environment: PGHOST and the others of libpq.
set -euo pipefail
(($# > 0)) || { echo "usage: drop_database.sh ID… | --list" >&2; exit 2; }
export PGDATABASE=${PGDATABASE:-postgres}
run_sql() {
  psql --no-psqlrc --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 "$@"
}

if [[ $1 == --list ]]; then
  run_sql --command "
    select datname, coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '')
    from pg_catalog.pg_database
    where datname ~ '^trunkline_([0-9a-f]{16}|incomplete_[0-9a-f]{8})\$' order by datname"
  exit
fi
for id in "$@"; do
  if [[ ! $id =~ ^trunkline_([0-9a-f]{16}|incomplete_[0-9a-f]{8})$ ]]; then
    echo "\"$id\" is no name that database.sh gives" >&2
    exit 1
  fi
  PGOPTIONS='-c client_min_messages=warning' \
    run_sql --command "drop database if exists \"$id\" with (force)"
done
