#!/usr/bin/env bash
# Divides a rebuild into pieces of work. Usage: csv_parts.sh
#
# Reads /pfs/archive. Writes into /pfs/out:
#   parts/TABLE.K-of-N   an empty file a piece, which the pipeline csv takes as a datum each
#   as_of                the instant that the target stands for
# Environment:
#   TRUNKLINE_TABLES   the tables, with blanks between; "orders:4" makes four pieces of it
#   TRUNKLINE_AT       target; default latest
#   TRUNKLINE_AS_OF    the instant, where it is not the target's commit time
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)

read -ra tables <<<"${TRUNKLINE_TABLES:?name the tables to rebuild, such as \"customers orders:4\"}"
mkdir -p /pfs/out/parts
for entry in "${tables[@]}"; do
  table=${entry%%:*}
  count=1
  if [[ $entry == *:* ]]; then
    count=${entry#*:}
  fi
  if [[ ! $count =~ ^[1-9][0-9]*$ || ! $table =~ ^[A-Za-z0-9_.-]+$ ]]; then
    echo "TRUNKLINE_TABLES: \"$entry\" is neither a table nor table:pieces" >&2
    exit 1
  fi
  for ((part = 1; part <= count; part++)); do
    : >"/pfs/out/parts/$table.$part-of-$count"
  done
done

plan=$("$home/bin/trunkline" replay /pfs/archive --at "${TRUNKLINE_AT:-latest}" --to csv:/nowhere \
  ${TRUNKLINE_AS_OF:+--as-of "$TRUNKLINE_AS_OF"} --dry-run)
as_of=$(sed -n 's/^as of *//p' <<<"$plan")
: "${as_of:?the target has no instant: set TRUNKLINE_AS_OF}"
printf '%s\n' "$as_of" >/pfs/out/as_of
