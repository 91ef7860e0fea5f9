#!/usr/bin/env bash
# Dumps the database whose id came along. Usage: database_dump.sh, for a datum of the input "id"
#
# Writes /pfs/out/ID.dump, in pg_dump's custom format. Environment: as database.sh.
set -euo pipefail
: "${PGHOST:?the server outside}"
database=$(<"${id:?the input \"id\"}")
pg_dump --dbname "$database" --format custom --file "/pfs/out/$database.dump"
