# shellcheck shell=bash
# Sourced: check NAME COMMAND… says whether the command succeeded; summarize ends the script by that.
failures=0
check() {
  local name=$1
  shift
  if "$@"; then
    echo "ok   $name"
  else
    echo "FAIL $name"
    failures=$((failures + 1))
  fi
}

summarize() {
  ((failures == 0)) || { echo "$failures check(s) failed"; exit 1; }
}
