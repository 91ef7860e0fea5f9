#!/usr/bin/env bash
# Runs one stage on the archive that Pachyderm mounted. Usage: stage.sh shipping|retention|report
#
# Reads /pfs/archive, writes /pfs/out/<stage>.csv. Environment, all optional:
#   TRUNKLINE_AT      target, as in `trunkline query --at`; default latest
#   TRUNKLINE_AS_OF   the stage's instant where it is not the target's commit time
#   TRUNKLINE_PERIOD  the report's processing period, an interval; default 7 days
set -euo pipefail
stage=${1:?usage: stage.sh STAGE}
home=$(cd "$(dirname "$0")/../.." && pwd)

arguments=(--at "${TRUNKLINE_AT:-latest}")
if [[ -n ${TRUNKLINE_AS_OF:-} ]]; then
  arguments+=(--as-of "$TRUNKLINE_AS_OF")
fi
if [[ -n ${TRUNKLINE_PERIOD:-} ]]; then
  # libpq splits this at blanks; a backslash keeps one in the value.
  export PGOPTIONS="-c trunkline.period=${TRUNKLINE_PERIOD// /\\ }"
fi

exec "$home/bin/trunkline" query /pfs/archive "${arguments[@]}" --format csv \
  --file "$home/sql/$stage.sql" --output "/pfs/out/$stage.csv"
