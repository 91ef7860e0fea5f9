#!/usr/bin/env bash
# Loads CSV files by COPY and runs one stage on them. Usage: csv_stage.sh shipping|retention|report
#
# Reads /pfs/csv/TABLE/*.csv and /pfs/csv-parts/as_of. Writes /pfs/out/STAGE.csv. Environment, optional:
#   TRUNKLINE_SCHEMA   SQL that makes the tables, from /opt/trunkline; default sql/schema.sql
#   TRUNKLINE_PERIOD   the report's processing period
set -euo pipefail
# shellcheck source=pipelines/bin/postgres.sh
source "$(dirname "$0")/postgres.sh"
stage=${1:?usage: csv_stage.sh STAGE}

make_data
start_server
{
  echo "begin;"
  cat "$home/${TRUNKLINE_SCHEMA:-sql/schema.sql}"
  # Files come in the order of their names, and references may lead either way.
  echo "set session_replication_role = replica;"
  for file in /pfs/csv/*/*.csv; do
    table=$(basename "$(dirname "$file")")
    columns=$(head -n 1 "$file")
    printf '\\copy %s (%s) from '\''%s'\'' with (format csv, header)\n' "$table" "$columns" "$file"
  done
  echo "commit;"
  echo "analyze;"
} >"$work/load.sql"
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --file "$work/load.sql"

stage_settings "$(</pfs/csv-parts/as_of)"
run_stage "$stage"
