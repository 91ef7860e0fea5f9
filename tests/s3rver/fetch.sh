#!/usr/bin/env bash
# Fetches a server of S3 from npm, to test against and for nothing else, into build/s3rver (or the folder
# given): unit.stores then runs the stores' tests on it as well. The versions of all its packages and
# their SHA-512 are in package-lock.json; no package's own scripts run. What is there already stays.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$root/build/s3rver}

if cmp --quiet "$here/package-lock.json" "$folder/fetched-lock.json"; then
  exit 0
fi
"$root/tools/install_packages.sh" npm
echo "fetching s3rver" >&2
rm -rf "$folder"
mkdir -p "$folder"
cp "$here/package.json" "$here/package-lock.json" "$folder/"
if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent >/dev/null); then
  rm -rf "$folder"
  echo "${0##*/}: npm cannot fetch the packages that package-lock.json names" >&2
  exit 1
fi
mv "$folder/package-lock.json" "$folder/fetched-lock.json"
