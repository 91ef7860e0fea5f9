#!/usr/bin/env bash
# Writes the archive's newest base snapshot as SQL, for the log to go on from. Usage: log_base.sh
#
# Reads /pfs/snapshots/snapshots and /pfs/identity/identity, no changes. Writes into /pfs/out:
#   base.sql   tables and rows, as pg_dump prints them
#   base.lsn   the LSN that they are of: transactions with a commit LSN at or after it come next
#   base.as_of the instant, where the archive knows it, else empty
set -euo pipefail
# shellcheck source=pipelines/bin/postgres.sh
source "$(dirname "$0")/postgres.sh"

mkdir "$work/archive"
ln -s /pfs/snapshots/snapshots "$work/archive/snapshots"
ln -s /pfs/identity/identity "$work/archive/identity"
newest=$(find /pfs/snapshots/snapshots/ -mindepth 2 -maxdepth 2 -name complete | sort | tail -n 1)
hexadecimal=$(basename "$(dirname "${newest:?no base snapshot is complete}")")
lsn=${hexadecimal:0:8}/${hexadecimal:8}

make_data
start_server
"$home/bin/trunkline" replay "$work/archive" --at "lsn:$lsn" --to postgresql:///postgres \
  --create-database base >/dev/null
pg_dump --dbname base --no-owner --no-privileges --file "$work/base.sql"
cp "$work/base.sql" /pfs/out/base.sql
psql --no-psqlrc --no-align --tuples-only --dbname base --output /pfs/out/base.as_of \
  --command "select current_setting('trunkline.as_of', true)"
printf '%s\n' "$lsn" >/pfs/out/base.lsn
