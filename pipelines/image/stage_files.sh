#!/usr/bin/env bash
# Collects what the container image holds beside Debian. Usage: stage_files.sh BUILD_FOLDER TARGET
#
#   TARGET/root       what is copied over the root: /opt/trunkline with bin/, sql/ and pipelines/
#   TARGET/packages   the Debian packages to install, one a line: those of the libraries that the
#                     programs are linked to or load later, and those that the stages run
set -euo pipefail
build=$(cd "${1:?the build folder}" && pwd)
target=${2:?the folder to collect in}
root=$(cd "$(dirname "$0")/../.." && pwd)

programs=("$build/bin/trunkline" "$build/bin/trunklined")
# The private servers of the stages; certificate authorities, for stores that speak TLS.
run_time_packages=(postgresql-15 postgresql-client-15 ca-certificates)

# libraries PROGRAM…: the files of the libraries that they name, as the loader finds them.
libraries() {
  local names found name
  names=$(readelf --dynamic --wide "$@" | sed -n 's/^.*(NEEDED).*\[\(.*\)\]$/\1/p' | sort -u)
  found=$(ldd "$@")
  while read -r name; do
    sed -n "s|^[[:space:]]*$name => \(/[^ ]*\) .*|\1|p" <<<"$found" | head -n 1 | grep . || {
      # The loader itself stands there by its path alone.
      [[ $name == ld-linux* ]] || { echo "$name is not to be found" >&2; return 1; }
    }
  done <<<"$names"
}

# packages_of FILE…: the names of the packages that they are from. Debian's list has a file by the path
# that it had before /lib became a link into /usr, or by the one that it has now.
packages_of() {
  local file
  local -a paths=()
  for file in "$@"; do
    file=$(realpath "$file")
    dpkg-query --search "$file" >/dev/null 2>&1 || file=${file#/usr}
    paths+=("$file")
  done
  dpkg-query --search "${paths[@]}" | sed 's/[:,].*//'
}

# loaded_packages: of the libraries that the programs load when they need them.
loaded_packages() {
  local headers=("$root"/*/lib*.h) package
  for header in "${headers[@]}"; do
    package=$(sed -n 's/^inline constinit SharedLibrary .*, "\([^"]*\)");$/\1/p' "$header")
    [[ -n $package ]] || { echo "$header does not tell its package" >&2; return 1; }
    printf '%s\n' "$package"
  done
}

home=$target/root/opt/trunkline
mkdir -p "$home/bin"
for program in "${programs[@]}"; do
  strip --strip-unneeded -o "$home/bin/${program##*/}" "$program"
done
tar --create --directory "$root" --exclude README.md --exclude pipelines/image \
  --exclude pipelines/run --exclude pipelines/runner \
  --exclude pipelines/cluster sql pipelines | tar --extract --no-same-owner --directory "$home"
chmod -R u=rwX,go=rX "$target/root"

mapfile -t files < <(libraries "${programs[@]}")
wait $! # the substitution's own failure
loaded=$(loaded_packages)
{
  packages_of "${files[@]}"
  printf '%s\n' "$loaded"
  printf '%s\n' "${run_time_packages[@]}"
} | sort -u >"$target/packages"
