#!/usr/bin/env bash
# The container image, as far as it shows without a container engine: what is staged for it holds all
# that the specs and manifests run, its packages are known, and the demo's source runs from it.
# Usage: image_test.sh BUILD_FOLDER
set -euo pipefail
build=$(cd "${1:?the build folder}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
image=$root/pipelines/image

# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"

work=$(mktemp -d)
chmod 755 "$work"
source_pid=
clean_up() {
  [[ -z $source_pid ]] || kill "$source_pid" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap clean_up EXIT

"$image/stage_files.sh" "$build" "$work/staged"
staged=$work/staged/root

# --- the recipe ---

last_of() { sed -n "s/^$1 //p" "$image/Dockerfile" | tail -n 1; }
check "both stages begin from the Debian that the project is built on" test \
  "$(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$image/Dockerfile" | sort -u)" = debian:bookworm-slim
check "it runs as the user of the manifests" test "$(last_of USER)" = "$(
  yq -r '.spec.template.spec.securityContext | "\(.runAsUser):\(.runAsGroup)"' \
    "$root/pipelines/cluster/base/stateful_set.yaml")"
check "its entry point is there" test -x "$staged$(last_of ENTRYPOINT | jq -r '.[0]')"
copied_are_there() {
  local path
  while read -r path; do
    [[ -e $root/$path ]] || { echo "     there is no $path"; return 1; }
  done < <(sed -n 's/^COPY \([^-][^ ]*\) .*/\1/p' "$image/Dockerfile")
}
check "what it copies from the repository is there" copied_are_there

# --- what is staged ---

check "the programs run" env -i "$staged/opt/trunkline/bin/trunklined" --version
check "the programs run" env -i "$staged/opt/trunkline/bin/trunkline" --version
commands() {
  jq -r '.transform.cmd[0]' "$root"/pipelines/*.json "$root"/pipelines/cluster/spout/*.json
  yq -r '.spec.template.spec.containers[].command[0]' "$root/pipelines/cluster/base/stateful_set.yaml"
  yq -r 'select(.kind == "StatefulSet") | .spec.template.spec.containers[].command[0]' \
    "$root/pipelines/cluster/demo/postgres.yaml"
}
# Of the programs that are named by their path; others are Debian's.
while read -r command; do
  [[ $command != /* ]] || check "$command is there" test -x "$staged$command"
done < <(commands | sort -u)
check "all of it is readable by anybody, and writable by its owner alone" test -z \
  "$(find "$staged" \( ! -perm -444 -o -perm /022 -type f \) -print)"
check "nothing but programs, SQL and pipelines" test \
  "$(cd "$staged/opt/trunkline" && echo ./*)" = "./bin ./pipelines ./sql"

packages_are_known() {
  local package
  while read -r package; do
    dpkg-query --show "$package" >/dev/null || return
  done <"$work/staged/packages"
}
check "the packages are Debian's" packages_are_known
for package in libpq5 libcurl4 libstdc++6 postgresql-15 ca-certificates; do
  check "$package is one of them" grep -qx "$package" "$work/staged/packages"
done
check "none is for building" test -z "$(grep -E -e '-dev$|^g\+\+' "$work/staged/packages")"

# --- the demo's source, from what is staged ---

mkdir "$work/data" "$work/socket"
as_user=()
if ((EUID == 0)); then
  chown postgres "$work/data" "$work/socket"
  as_user=(setpriv --reuid postgres --regid postgres --init-groups)
fi
export PGHOST=$work/socket PGUSER=postgres PGDATABASE=shop
start_source() {
  (
    cd /
    exec "${as_user[@]}" env TRUNKLINE_DEMO_FOLDER="$work/data" TRUNKLINE_DEMO_PASSWORD=secret \
      TRUNKLINE_DEMO_LISTEN='' "$staged/opt/trunkline/pipelines/bin/demo_source.sh"
  ) >"$work/source.log" 2>&1 &
  source_pid=$!
  for ((tenths = 0; tenths < 600; tenths++)); do
    # Not the server that the data are made with, which has them in another folder.
    [[ $(says 'show data_directory' 2>/dev/null) != "$work/data/data" ]] || return 0
    kill -0 "$source_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/source.log" >&2
  return 1
}
says() { psql -qXAt -c "$1"; }
stop_source() {
  kill -TERM "$source_pid"
  wait "$source_pid"
  source_pid=
}
check "the demo's source starts" start_source
check "it is set up for the daemon" test "$(says "select current_setting('wal_level') || count(*) ||
  (select rolreplication and rolpassword like 'SCRAM%' from pg_authid where rolname = 'trunkline')
  from customers")" = logical12true
says "call peanuts.simulate(3, 7, '2016-08-02')"
orders=$(says 'select count(*) from orders')
check "there is trade" test "$orders" -gt 0
check "it ends in good order" stop_source
check "it goes on with what it has" start_source
check "with all of it" test "$(says 'select count(*) from orders')" = "$orders"
check "it ends in good order again" stop_source
check "no log shows the password" test "$(grep -c secret "$work/source.log")" -eq 0

summarize
