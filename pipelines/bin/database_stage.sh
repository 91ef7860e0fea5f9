#!/usr/bin/env bash
# Runs one stage in the database whose id came along. Usage: database_stage.sh STAGE, for a datum of the
# input "id"
#
# Writes /pfs/out/STAGE.csv. Environment: as database.sh, and TRUNKLINE_PERIOD.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
stage=${1:?usage: database_stage.sh STAGE}
: "${PGHOST:?the server outside}"
PGDATABASE=$(<"${id:?the input \"id\"}")
export PGDATABASE
if [[ -n ${TRUNKLINE_PERIOD:-} ]]; then
  export PGOPTIONS="-c trunkline.period=${TRUNKLINE_PERIOD// /\\ }"
fi
psql --no-psqlrc --quiet --csv -v ON_ERROR_STOP=1 --file "$home/sql/$stage.sql" \
  --output "/pfs/out/$stage.csv"
