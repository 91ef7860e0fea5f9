#!/usr/bin/env bash
# Writes one segment of the archive as SQL commands. Usage: log.sh, for a datum of the input "changes"
#
# Reads one file below /pfs/changes/changes, and /pfs/identity/identity. Writes /pfs/out/BEGIN-END.sql,
# BEGIN and END being the segment's LSNs in hexadecimal: in the order of their names the files are
# the source's whole stream of changes. Where the source lost changes, the file refuses to be run.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)

segment=${changes:?the input \"changes\"}
name=$(basename "$segment")
range=${name%%.*}
if [[ $name == *.gap.seg ]]; then
  printf "do \$\$ begin raise exception 'the source lost the changes of %s'; end \$\$;\n" "$range" \
    >"/pfs/out/$range.sql"
  exit
fi

# Removed on purpose: no base snapshot that is there needs it.
[[ $name != *.retained.seg ]] || exit 0

# An archive of this one segment.
archive=$(mktemp -d)
trap 'rm -rf "$archive"' EXIT
mkdir "$archive/changes"
ln -s "$segment" "$archive/changes/$name"
ln -s /pfs/identity/identity "$archive/identity"
"$home/bin/trunkline" log "$archive" --format sql >"$archive/commands.sql"
cp "$archive/commands.sql" "/pfs/out/$range.sql"
