#!/usr/bin/env bash
# What bash, zsh and fish make of half a command line. Usage: completion_test.sh BUILD_FOLDER
set -euo pipefail
build=$(cd "${1:?the build folder}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/check.sh
source "$here/../support/check.sh"
PATH=$build/bin:$PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir archive 'my folder'
touch query.sql

# completed SHELL <LINES: each line when the key for completion has been pressed. Several lines a
# shell, as starting one takes the most of it.
completed() {
  "$here/complete.py" "$1" "source <(trunkline completion $1); source <(trunklined completion $1)" |
    sed 's/ $//'
}

# One candidate: what is checked; the line; what becomes of it, in bash and in zsh.
one_candidate() {
  cat <<'END'
commands; trunkline rep; trunkline replay
options of the command alone; trunkline replay archive --for; trunkline replay archive --force
a value behind =; trunkline query archive --format=c; trunkline query archive --format=csv
a target up to where the user goes on; trunkline log archive --to xi; trunkline log archive --to xid:
destinations; trunkline replay archive --to cs; trunkline replay archive --to csv:
a folder behind the destination's name; trunkline replay archive --to csv:ar; trunkline replay archive --to csv:archive/
a name with a space; trunkline info my; trunkline info my\ folder/
a file; trunkline query archive -f q; trunkline query archive -f query.sql
an option behind one whose value may be left out; trunkline replay --create-database --for; trunkline replay --create-database --force
nothing where nothing is known; trunkline log archive --key 7; trunkline log archive --key 7
END
}

# Several: what is checked; the line; the candidates, which are all that bash offers, and that fish
# offers among others.
several_candidates() {
  cat <<'END'
the values of a set; trunkline query archive --format ; csv table
the daemon's sets; trunklined --confirm ; archived spooled
ways to name a destination; trunkline replay archive --to p; pgdata: postgresql://
ways to name a target; trunkline log archive --from l; latest lsn:
an archive's folder, and no file; trunkline info ./; ./archive/ ./my\ folder/
completion itself; trunkline completion ; bash fish zsh
END
}

# field N: of the lines of standard input.
field() { awk -F'; ' -v n="$1" '{ print $n }'; }

check_one_candidate() {
  local name line result got
  while IFS=$'\t' read -r name line result got; do
    check "$1: $name" test "$result" = "$got"
    [[ $result == "$got" ]] || echo "     of \"$line\" it made \"$got\""
  done < <(paste <(one_candidate | sed 's/; /\t/g') <(one_candidate | field 2 | completed "$1"))
}

fish_offers() {
  local candidate found
  # shellcheck disable=SC2016 # the variable is fish's
  found=$(fish --no-config -c 'trunkline completion fish | source; trunklined completion fish | source
    complete -C $argv[1]' "$1" | cut -f 1)
  while read -r candidate; do
    grep -qxF -e "$candidate" <<<"$found" || { echo "     it lacks $candidate"; return 1; }
  done < <(xargs -n 1 <<<"$2")
}

check_several_candidates() {
  local name line candidates got
  while IFS=$'\t' read -r name line candidates got; do
    check "bash: $name" test "${line% *} $candidates" = "$got"
    check "fish: $name" fish_offers "$line" "$candidates"
  done < <(paste <(several_candidates | sed 's/; /\t/g') <(several_candidates | field 2 | completed bash))
}

# Bash offers just what the help lists, whatever that comes to be.
commands=$(trunkline --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]\+\) .*/\1/p')
sorted() { tr -s ' ' '\n' | sort -u | paste -sd " "; }
options_of() { "$@" --help | sed -nE 's/^ +((-[a-z],)?--[a-z-]+).*/\1/p' | tr , ' ' | sorted; }
check_all_that_the_help_has() {
  local line got wanted
  while IFS=$'\t' read -r line got; do
    wanted=$commands
    # shellcheck disable=SC2086 # the command's words
    [[ $line != *- ]] || wanted=$(options_of ${line% -})
    check "all of \"$line\"" test "$(sorted <<<"${got#"${line% *}" }")" = "$(sorted <<<"$wanted")"
  done < <(paste "$1" <(completed bash <"$1"))
}

check_one_candidate bash
check_one_candidate zsh
check_several_candidates
{
  echo 'trunkline '
  for command in $commands; do echo "trunkline $command -"; done
  echo 'trunklined -'
} >lines
check_all_that_the_help_has lines
summarize
