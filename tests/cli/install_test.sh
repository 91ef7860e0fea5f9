#!/usr/bin/env bash
# What an installation puts where, and its man pages. Usage: install_test.sh BUILD_FOLDER
set -euo pipefail
build=$(cd "${1:?the build folder}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/usr" >"$work/log" || { cat "$work/log"; exit 1; }
share=$work/usr/share

commands_of() { "$1" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'; }

# documents PAGE COMMAND…: the page has every option of the help, as a paragraph of its own.
documents() {
  local page=$1 text option
  shift
  [[ -f $page ]] || { echo "$page is missing"; return 1; }
  text=$(MANWIDTH=200 man -l "$page" | col -b)
  for option in $("$@" --help | sed -nE 's/^ +(-[a-z],)?(--[a-z-]+).*/\2/p'); do
    grep -qE "^ +(-[a-z], )?$option( |$)" <<<"$text" || { echo "$page lacks $option"; return 1; }
  done
}
all_documented() {
  local command
  documents "$share/man/man1/trunkline.1" "$work/usr/bin/trunkline" &&
    documents "$share/man/man8/trunklined.8" "$work/usr/bin/trunklined" || return 1
  for command in $(commands_of "$work/usr/bin/trunkline"); do
    documents "$share/man/man1/trunkline-$command.1" "$work/usr/bin/trunkline" "$command" || return 1
  done
}
# A --format without a set of values cannot be completed: it needs CLI::IsMember.
formats_are_sets() {
  local command
  for command in $(commands_of "$work/usr/bin/trunkline"); do
    "$work/usr/bin/trunkline" "$command" --help | grep -E '^ +--format ' | grep -qvE -- '--format [a-z]+\|' || continue
    echo "trunkline $command --format does not say what it takes" && return 1
  done
}
pages_are_valid() {
  local warnings
  warnings=$(find "$share/man" -type f -exec groff -man -ww -z -Tutf8 -K utf8 {} + 2>&1)
  [[ -z $warnings ]] || { echo "$warnings"; return 1; }
}
has() {
  local path
  for path; do [[ -s $work/usr/$path ]] || { echo "$path is missing"; return 1; }; done
}
runs() { "$work/usr/bin/$1" --version | grep -qE "^$1 [0-9.]+$"; }

check "both programs run" eval 'runs trunkline && runs trunklined'
check "completions are where the shells look" has \
  share/bash-completion/completions/trunkline{,d} share/zsh/site-functions/_trunkline{,d} \
  share/fish/vendor_completions.d/trunkline{,d}.fish
check "the SQL and the documents" has share/trunkline/sql/source_setup.sql share/doc/trunkline/operating.md
check "each command has a man page, and each option stands in it" all_documented
check "each --format says what it takes" formats_are_sets
check "troff has nothing to say about the pages" pages_are_valid
summarize
