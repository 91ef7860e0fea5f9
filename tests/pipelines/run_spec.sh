#!/usr/bin/env bash
# Runs a pipeline spec on one datum, the way a Pachyderm worker does: the input under /pfs/<name>, an
# empty /pfs/out, the spec's own command line, environment and standard input, and nothing else of
# the caller's environment.
#
#   run_spec.sh SPEC ARCHIVE BIN OUT [NAME=VALUE…]     NAME=VALUE overrides the spec's env
#
# BIN is the folder of the built programs, which the image has under /opt/trunkline/bin; OUT becomes
# /pfs/out. The exit code is the command's. 77: this machine does not let us lay out /pfs.
#
# /pfs and /opt/trunkline exist in a mount namespace of our own alone; where namespaces are forbidden
# and we are root, they are made for the duration of the run, if they do not exist.
set -euo pipefail

run_datum() {
  local spec=$1 name working_folder
  shift
  local -a command environment
  mapfile -t command < <(jq -r '.transform.cmd[]' "$spec")
  mapfile -t environment < <(jq -r '.transform.env // {} | to_entries[] | "\(.key)=\(.value)"' "$spec")
  name=$(jq -r '.input.pfs.name // .input.pfs.repo' "$spec")
  working_folder=$(jq -r '.transform.working_dir // "/"' "$spec")
  cd "$working_folder"
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp \
    PACH_JOB_ID=0123456789abcdef0123456789abcdef \
    PACH_OUTPUT_COMMIT_ID=0123456789abcdef0123456789abcdef \
    "$name=/pfs/$name" "${name}_COMMIT=0123456789abcdef0123456789abcdef" \
    "${environment[@]}" "$@" "${command[@]}" < <(jq -r '.transform.stdin // [] | .[]' "$spec")
}

# A new root at /mnt with all of the old one in it, /pfs and /opt/trunkline being ours.
enter_new_root() {
  local root=$1 archive=$2 bin=$3 out=$4 name=$5 entry
  mount -t tmpfs tmpfs /mnt
  for entry in /*; do
    case $entry in
      /mnt | /opt | /pfs) ;;
      *)
        if [[ -L $entry ]]; then
          cp -P "$entry" /mnt
        elif [[ -d $entry ]]; then
          mkdir "/mnt$entry"
          mount --rbind "$entry" "/mnt$entry"
        fi
        ;;
    esac
  done
  bind() {
    mkdir -p "/mnt$2"
    mount --bind "$1" "/mnt$2"
  }
  bind "$archive" "/pfs/$name"
  bind "$out" /pfs/out
  bind "$bin" /opt/trunkline/bin
  bind "$root/sql" /opt/trunkline/sql
  bind "$root/pipelines" /opt/trunkline/pipelines
}

case ${1:-} in
  --in-namespace)
    shift
    root=$1 spec=$2 archive=$3 bin=$4 out=$5
    shift 5
    enter_new_root "$root" "$archive" "$bin" "$out" "$(jq -r '.input.pfs.name' "$spec")"
    exec chroot /mnt "$0" --datum "$spec" "$@"
    ;;
  --datum)
    shift
    run_datum "$@"
    exit
    ;;
esac

script=$(realpath "$0")
root=$(cd "$(dirname "$script")/../.." && pwd)
spec=$(realpath "$1") archive=$(realpath "$2") bin=$(realpath "$3") out=$(realpath "$4")
shift 4

if ((EUID == 0)); then
  namespace=(unshare --mount --propagation private)
else
  namespace=(unshare --user --map-current-user --keep-caps --mount --propagation private)
fi
if "${namespace[@]}" mount -t tmpfs tmpfs /mnt 2>/dev/null; then
  exec "${namespace[@]}" "$script" --in-namespace "$root" "$spec" "$archive" "$bin" "$out" "$@"
fi

if ((EUID != 0)) || [[ -e /pfs || -e /opt/trunkline ]]; then
  echo "cannot lay out /pfs: no mount namespace, and not root or the folders exist" >&2
  exit 77
fi
trap 'rm -rf /pfs /opt/trunkline' EXIT
mkdir -p /pfs /opt/trunkline
ln -s "$archive" "/pfs/$(jq -r '.input.pfs.name' "$spec")"
ln -s "$out" /pfs/out
ln -s "$bin" /opt/trunkline/bin
ln -s "$root/sql" "$root/pipelines" /opt/trunkline
run_datum "$spec" "$@"
