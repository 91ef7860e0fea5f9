#!/usr/bin/env bash
# Rebuilds one piece of one table as CSV. Usage: csv_part.sh, for a datum of the input "part"
#
# Reads /pfs/archive and the name of the piece, /pfs/part/parts/TABLE.K-of-N. Writes
# /pfs/out/TABLE/K-of-N.csv with a header line, as COPY does. Environment: TRUNKLINE_AT, as csv_parts.sh.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)

name=$(basename "${part:?the input \"part\"}")
table=${name%.*}
piece=${name##*.}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$home/bin/trunkline" replay /pfs/archive --at "${TRUNKLINE_AT:-latest}" --to "csv:$folder/rows" \
  --tables "$table" --rows "${piece/-of-//}"
mkdir -p "/pfs/out/$table"
cp "$folder/rows"/*.csv "/pfs/out/$table/$piece.csv"
