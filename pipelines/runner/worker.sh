#!/usr/bin/env bash
# Runs one datum where it finds what a Pachyderm worker would have laid out. Called by job.py.
#
#   worker.sh namespace LAYOUT FOLDER COMMAND…   in a mount namespace of the caller's making
#   worker.sh folders LAYOUT FOLDER COMMAND…     where there are none: links in the real root
#
# LAYOUT is a file of lines "SOURCE<tab>TARGET<tab>MODE", MODE being ro or rw; the targets lie under
# /pfs and /opt/trunkline, which hold nothing else. COMMAND runs in FOLDER with the environment and
# standard input given; its exit code is ours.
set -euo pipefail

# A new root at /mnt with all of the old one in it but /pfs and /opt, which are ours. One mkdir and one
# mount do all of it, since starting programs is what a small datum takes most of its time for.
enter_new_root() {
  local layout=$1 entry source target mode
  local -a folders=(/mnt/pfs /mnt/opt/trunkline) links=() mounts=()
  mount -t tmpfs tmpfs /mnt
  for entry in /*; do
    case $entry in
      /mnt | /opt | /pfs) ;;
      *)
        if [[ -L $entry ]]; then
          links+=("$entry")
        elif [[ -d $entry ]]; then
          folders+=("/mnt$entry")
          mounts+=("$entry /mnt$entry none rbind 0 0")
        fi
        ;;
    esac
  done
  while IFS=$'\t' read -r source target mode; do
    if [[ -d $source ]]; then
      folders+=("/mnt$target")
    else
      folders+=("/mnt${target%/*}")
    fi
    # In a table of mounts a blank is written as its code. A worker's copy may be written to without
    # harm, the folder itself not.
    mounts+=("${source// /\\040} /mnt${target// /\\040} none bind,$mode 0 0")
  done <"$layout"
  mkdir -p "${folders[@]}"
  ((${#links[@]} == 0)) || cp -P "${links[@]}" /mnt
  while IFS=$'\t' read -r source target _; do
    [[ -d $source ]] || : >"/mnt$target"
  done <"$layout"
  printf '%s\n' "${mounts[@]}" >"$layout.mounts"
  mount --all --fstab "$layout.mounts"
  # Of our own processes alone, where the kernel lets us.
  mount -t proc proc /mnt/proc 2>/dev/null || true
}

mode=$1 layout=$2 folder=$3
shift 3
case $mode in
  namespace)
    enter_new_root "$layout"
    # Not by exec: we are the namespace's first process, and end those that others leave behind.
    status=0
    env --unset=OLDPWD --unset=SHLVL --unset=_ \
      chroot /mnt env --chdir="$folder" "$@" || status=$?
    exit "$status"
    ;;
  folders)
    if [[ -e /pfs || -e /opt/trunkline ]]; then
      echo "/pfs or /opt/trunkline exist" >&2
      exit 125
    fi
    trap 'rm -rf /pfs /opt/trunkline' EXIT
    while IFS=$'\t' read -r source target _; do
      mkdir -p "${target%/*}"
      ln -s "$source" "$target"
    done <"$layout"
    mkdir -p /pfs
    env --unset=OLDPWD --unset=SHLVL --unset=_ env --chdir="$folder" "$@"
    ;;
esac
