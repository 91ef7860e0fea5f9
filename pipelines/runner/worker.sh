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

# A new root at /mnt with all of the old one in it but /pfs and /opt, which are ours.
enter_new_root() {
  local layout=$1 entry source target mode
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
  # Of our own processes alone, where the kernel lets us.
  mount -t proc proc /mnt/proc 2>/dev/null || true
  mkdir -p /mnt/pfs /mnt/opt/trunkline
  while IFS=$'\t' read -r source target mode; do
    mkdir -p "/mnt${target%/*}"
    if [[ -d $source ]]; then mkdir -p "/mnt$target"; else : >"/mnt$target"; fi
    mount --bind "$source" "/mnt$target"
    # A worker's copy may be written to without harm, the folder itself not.
    if [[ $mode == ro ]]; then
      mount -o remount,bind,ro "/mnt$target" 2>/dev/null || true
    fi
  done <"$layout"
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
