#!/usr/bin/env bash
# Adds a base snapshot to an archive, made from the archive alone. Usage: snapshot.sh
#
# Writes into the archive itself, and what it did into /pfs/out/snapshot.txt. Environment:
#   TRUNKLINE_ARCHIVE  the archive's address, one that can be written to
#   TRUNKLINE_AT       the target; default latest
#   PACH_TOKEN         for an archive in PFS that asks for one
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)

"$home/bin/trunkline" snapshot "${TRUNKLINE_ARCHIVE:?the address of the archive}" \
  --at "${TRUNKLINE_AT:-latest}" 2>&1 | tee /pfs/out/snapshot.txt
