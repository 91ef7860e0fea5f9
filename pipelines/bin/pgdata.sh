#!/usr/bin/env bash
# Rebuilds a state as the data folder of a Postgres server. Usage: pgdata.sh
#
# Reads /pfs/archive. Writes into /pfs/out:
#   pgdata/             the folder, of a server that was stopped cleanly; the state is in its
#                       database "trunkline", which carries its instant as trunkline.as_of
#   empty_folders       those of its folders that are empty: PFS keeps files alone
# Environment, optional: TRUNKLINE_AT, TRUNKLINE_AS_OF, and TRUNKLINE_TABLES with commas between.
set -euo pipefail
# shellcheck source=pipelines/bin/postgres.sh
source "$(dirname "$0")/postgres.sh"

# Without an instant the stages would take the present for it: better found out before the work.
replay=("$home/bin/trunkline" replay /pfs/archive --at "${TRUNKLINE_AT:-latest}"
  ${TRUNKLINE_AS_OF:+--as-of "$TRUNKLINE_AS_OF"} ${TRUNKLINE_TABLES:+--tables "$TRUNKLINE_TABLES"}
  --to "pgdata:$work/data" --create-database trunkline)
"${replay[@]}" --dry-run | grep -q '^as of' ||
  { echo "the target has no instant: set TRUNKLINE_AS_OF" >&2; exit 1; }
TRUNKLINE_PG_BINDIR=$PG_BIN "${replay[@]}"

(cd "$work/data" && find . -type d -empty | sed 's|^\./||' | sort) >/pfs/out/empty_folders
cp --recursive --no-preserve=mode,ownership "$work/data" /pfs/out/pgdata
