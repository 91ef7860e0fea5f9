#!/usr/bin/env bash
# Rebuilds a state as a new database of a server outside Pachyderm. Usage: database.sh [--dump]
#
# Reads /pfs/archive. Writes into /pfs/out:
#   ID        a file of the database's name, which holds the name
#   ID.dump   with --dump: the database as pg_dump's custom format
#
# The name is made of the job and the datum. So a datum that is tried again replaces what the try
# before left, also where that was killed, and no two jobs meet. drop_database.sh removes it.
#
# Environment: PGHOST, PGPORT, PGUSER, PGPASSWORD and others of libpq lead to the server, whose role
# needs CREATEDB and GRANT SET ON PARAMETER trunkline.as_of (or to be a superuser); optional TRUNKLINE_AT, TRUNKLINE_AS_OF, and TRUNKLINE_TABLES with commas between.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
: "${PGHOST:?the server outside}"

digest=$(printf '%s\n' "${PACH_JOB_ID:?}" "${PACH_DATUM_ID:?}" | sha256sum)
id=trunkline_${digest:0:16}
drop_what_is_there() {
  "$home/pipelines/bin/drop_database.sh" "$id"
}
trap drop_what_is_there ERR

"$home/bin/trunkline" replay /pfs/archive --at "${TRUNKLINE_AT:-latest}" \
  ${TRUNKLINE_AS_OF:+--as-of "$TRUNKLINE_AS_OF"} ${TRUNKLINE_TABLES:+--tables "$TRUNKLINE_TABLES"} \
  --to postgresql:///postgres --create-database "$id" --force >/dev/null
# Without its instant the stages would take the present for it.
as_of=$(psql --no-psqlrc --no-align --tuples-only --dbname "$id" \
  --command "select current_setting('trunkline.as_of', true)")
if [[ -z $as_of ]]; then
  echo "the database has no instant: the role needs GRANT SET ON PARAMETER trunkline.as_of TO it, and" \
    "TRUNKLINE_AS_OF where the target has no commit" >&2
  false
fi
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --dbname "$id" \
  --command "comment on database \"$id\" is 'made by trunkline, job $PACH_JOB_ID'"
if [[ ${1:-} == --dump ]]; then
  pg_dump --dbname "$id" --format custom --file "/pfs/out/$id.dump"
fi
printf '%s\n' "$id" >"/pfs/out/$id"
