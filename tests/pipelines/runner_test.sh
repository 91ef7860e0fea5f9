#!/usr/bin/env bash
# pipelines/run against what Pachyderm does, on specs that need no database.
# shellcheck disable=SC2016  # commands of the specs, for their own shell
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"

# spec NAME INPUT SCRIPT [MORE]: a pipeline whose command is a line of shell, as JSON.
spec() {
  jq -n --arg name "$1" --argjson input "$2" --arg script "$3" --argjson more "${4:-{\}}" '{
    pipeline: {name: $name}, input: $input,
    transform: {image: "none", cmd: ["bash", "-euc", $script]}} * $more'
}
input() { printf '{"pfs": {"repo": "%s", "glob": "%s"}}' "$1" "$2"; }

# run_specs [ARGUMENT…]: runs $work/spec.json on the repo $work/in. What it says is in $work/log.
run_specs() {
  local code=0
  "$root/pipelines/run" "$work/spec.json" --repo "in=$work/in" --out "$work/out" \
    --state "$work/state" --bin "$work" "$@" >"$work/log" 2>&1 || code=$?
  if ((code == 77)); then
    cat "$work/log"
    exit 77
  fi
  return "$code"
}
starts_anew() {
  rm -rf "$work/in" "$work/out" "$work/state"
  mkdir -p "$work/in"
}
said() { grep -qF -- "$1" "$work/log" || { cat "$work/log"; return 1; }; }
outputs() { (cd "$work/out/$1" && find . -type f -printf '%P\n' | sort | tr '\n' ' '); }
writes() { [[ $(outputs "$1") == "$2" ]] || { outputs "$1"; return 1; }; }
holds() { [[ $(<"$work/out/$1") == "$2" ]] || { cat "$work/out/$1"; return 1; }; }
fails_saying() {
  local words=$1 code=0
  shift
  run_specs "$@" || code=$?
  ((code != 0)) && said "$words"
}

# --- what a worker lays out ---

starts_anew
mkdir "$work/in/b"
echo one >"$work/in/a"
echo two >"$work/in/b/c"
spec files "$(input in '/*')" 'find /pfs/in -type f -exec cat {} + >"/pfs/out/$(basename "$in")"' \
  >"$work/spec.json"
check "a file and a folder are a datum each" run_specs --parallel 2
check "each sees itself alone" writes files "a b "
check "a folder comes with what is in it" holds files/b two
check "said so" said "files: 2 datums, 2 processed, 0 skipped, 0 gone, 2 files"

spec env "$(input in /a)" 'found=$(find /pfs | sort); echo "$found" >/pfs/out/pfs
  env | grep -v ^found= | sort >/pfs/out/env; pwd >/pfs/out/pwd; cat >/pfs/out/stdin; { echo more >>"$in"; } 2>/dev/null || true' \
  '{"transform": {"env": {"COLOUR": "grey"}, "stdin": ["a", "b"], "working_dir": "/tmp"}}' >"$work/spec.json"
check "the environment" env OUTER=seen "$root/pipelines/run" "$work/spec.json" --repo "in=$work/in" \
  --out "$work/out" --bin "$work" --env COLOUR=red
environment=$(sed -e 's/=[0-9a-f]\{64\}$/=64/' -e 's/=[0-9a-f]\{32\}$/=32/' "$work/out/env/env" |
  grep -Ev '^(PATH|PWD|SHLVL|_|HOME)=' | tr '\n' ' ')
check "is a worker's, and nothing of the caller's" test "$environment" = \
  "COLOUR=red PACH_DATUM_ID=64 PACH_JOB_ID=32 PACH_OUTPUT_COMMIT_ID=32 PPS_PIPELINE_NAME=env in=/pfs/in/a in_COMMIT=32 "
check "standard input, as lines" holds env/stdin $'a\nb'
check "the working folder" holds env/pwd /tmp
check "/pfs holds the datum and out" holds env/pfs $'/pfs\n/pfs/in\n/pfs/in/a\n/pfs/out'

check "an input cannot be written to" test "$(<"$work/in/a")" = one

# Where namespaces are forbidden, root lays out /pfs in the real root, for as long as a datum runs.
if ((EUID == 0)) && [[ ! -e /pfs && ! -e /opt/trunkline ]]; then
  mkdir "$work/forbidden"
  printf '#!/bin/sh\nexit 1\n' >"$work/forbidden/unshare"
  chmod +x "$work/forbidden/unshare"
  spec links "$(input in '/*')" 'cat "$in"/* "$in" >/pfs/out/$(basename "$in") 2>/dev/null || true
    ls /opt/trunkline | grep -q pipelines' >"$work/spec.json"
  check "without namespaces" env "PATH=$work/forbidden:$PATH" "$root/pipelines/run" "$work/spec.json" \
    --repo "in=$work/in" --out "$work/out" --bin "$work" --parallel 2
  check "a datum sees the same" test "$(cat "$work/out/links/a" "$work/out/links/b")" = $'one\ntwo'
  check "and nothing is left of it" test ! -e /pfs -a ! -e /opt/trunkline
fi

# --- datums ---

globbed() {
  spec globs "$(input in "$1")" 'echo "$in" >"/pfs/out/$PACH_DATUM_ID"' >"$work/spec.json"
  rm -rf "$work/out/globs" "$work/state"
  run_specs || return
  [[ $(find "$work/out/globs" -type f -exec cat {} + | sort | tr '\n' ' ') == "$2" ]]
}
check "glob /" globbed / "/pfs/in "
check "glob /*" globbed '/*' "/pfs/in/a /pfs/in/b "
check "glob /*/*" globbed '/*/*' "/pfs/in/b/c "
check "glob /**" globbed '/**' "/pfs/in/a /pfs/in/b /pfs/in/b/c "
check "glob /b/?" globbed '/b/?' "/pfs/in/b/c "
check "glob /[!b]" globbed '/[!b]' "/pfs/in/a "
check "glob /{a,x}" globbed '/{a,x}' "/pfs/in/a "
check "a capture group changes nothing" globbed '/(a)*' "/pfs/in/a "
check "a glob that matches nothing" globbed '/x' ""
spec globs "$(input in '/@(a|b)')" true >"$work/spec.json"
check "an extended group is refused" fails_saying "extended groups"

spec crossed '{"cross": [{"pfs": {"name": "x", "repo": "in", "glob": "/*"}},
                         {"pfs": {"name": "y", "repo": "in", "glob": "/**"}}]}' \
  'echo "$x $y" >"/pfs/out/$PACH_DATUM_ID"' >"$work/spec.json"
check "a cross" run_specs
check "pairs each with each" said "crossed: 6 datums, 6 processed"
spec united '{"union": [{"pfs": {"name": "x", "repo": "in", "glob": "/a"}},
                        {"pfs": {"name": "x", "repo": "in", "glob": "/*"}}]}' \
  'basename "$x" >"/pfs/out/$PACH_DATUM_ID"' >"$work/spec.json"
check "a union" run_specs
check "has what two of its inputs match once" said "united: 2 datums, 2 processed"

# --- from one job to the next ---

starts_anew
echo one >"$work/in/a"
echo two >"$work/in/b"
spec steps "$(input in '/*')" 'cp "$in" /pfs/out; echo ran >>'"$work/ran" >"$work/spec.json"
check "a first job" run_specs
echo three >"$work/in/b"
echo four >"$work/in/c"
touch "$work/in/a"
check "a second one" run_specs
check "processes what is new or changed" said "steps: 3 datums, 2 processed, 1 skipped, 1 gone"
check "and no more" test "$(wc -l <"$work/ran")" -eq 4
rm "$work/in/a" "$work/in/c"
check "a third one, with datums gone" run_specs
check "has their files no more" writes steps "b "
check "without processing anything" said "steps: 1 datum, 0 processed, 1 skipped, 2 gone"
spec steps "$(input in '/*')" 'cp "$in" /pfs/out; echo changed' >"$work/spec.json"
check "another command" run_specs
check "processes all of it" said "1 processed, 0 skipped"
mkdir -p "$work/other/steps"
touch "$work/other/steps/mine"
check "what no job wrote is not overwritten" fails_saying "holds data" \
  --out "$work/other" --state "$work/state2"
check "and is still there" test -e "$work/other/steps/mine"

# --- failures ---

starts_anew
echo one >"$work/in/a"
echo two >"$work/in/b"
spec clash "$(input in '/*')" 'cp "$in" /pfs/out/same' >"$work/spec.json"
check "two datums that write one path" fails_saying "two datums wrote /pfs/out/same: in:/a and in:/b"
check "leave no output" test ! -e "$work/out/clash"
spec nested "$(input in '/*')" 'n=$(basename "$in"); if [[ $n == a ]]; then touch /pfs/out/x
  else mkdir /pfs/out/x; touch /pfs/out/x/y; fi' >"$work/spec.json"
check "a file of one that is a folder of another" fails_saying "/pfs/out/x is a file of in:/a"

spec tries "$(input in '/*')" "echo >>$work/tries; n=\$(wc -l <$work/tries)"'
  touch "/pfs/out/left-by-$n"; ((n >= 3)); cp "$in" /pfs/out' '{"datum_tries": 3}' >"$work/spec.json"
check "a datum that fails twice is tried three times" run_specs
check "and its failed tries leave nothing" writes tries "a b left-by-3 left-by-4 "

spec fails "$(input in '/*')" 'touch "/pfs/out/$(basename "$in")"; [[ $(<"$in") != bad ]]' \
  '{"datum_tries": 2}' >"$work/spec.json"
check "a job that succeeds" run_specs
echo bad >"$work/in/b"
echo new >"$work/in/c"
check "a job with a failing datum fails" fails_saying "1 of 3 datums failed, first in:/b"
check "after as many tries as the spec has" said "exited with 1 (try 2 of 2)"
check "and leaves the output as it was" writes fails "a b "
echo good >"$work/in/b"
check "once mended" run_specs
check "what had succeeded is not done again" said "fails: 3 datums, 1 processed, 2 skipped"

spec codes "$(input in /a)" 'exit 7' '{"transform": {"accept_return_code": [7]}}' >"$work/spec.json"
check "an accepted return code" run_specs
spec slow "$(input in /a)" 'sleep 600' \
  '{"datum_timeout": "0.5s", "datum_tries": 1}' >"$work/spec.json"
check "a datum out of time" fails_saying "ran out of time"
spec stuck "$(input in '/*')" "while :; do echo >>$work/beats; sleep 0.05; done" >"$work/spec.json"
"$root/pipelines/run" "$work/spec.json" --repo "in=$work/in" --out "$work/out" --state "$work/state" \
  --bin "$work" --parallel 2 >/dev/null 2>&1 &
run=$!
while [[ ! -e $work/beats ]]; do sleep 0.05; done
check "one run at a time has the state" fails_saying "another run is using"
kill -TERM "$run"
code=0
wait "$run" || code=$?
check "a run that is stopped ends" test "$code" -eq 130
beats=$(wc -l <"$work/beats")
sleep 0.3
check "and what it ran with it" test "$(wc -l <"$work/beats")" -eq "$beats"
spec pipe "$(input in /a)" 'mkfifo /pfs/out/pipe' '{"datum_tries": 1}' >"$work/spec.json"
check "what PFS does not keep is refused" fails_saying "neither a file nor a folder"
spec name "$(input in /a)" 'touch "/pfs/out/a*b"' '{"datum_tries": 1}' >"$work/spec.json"
check "so is a name that it does not take" fails_saying "does not take this name"

# --- several pipelines ---

starts_anew
echo one >"$work/in/a"
{
  spec last "$(input middle /)" 'cat /pfs/middle/* >/pfs/out/all'
  spec middle "$(input in '/*')" 'tr a-z A-Z <"$in" >"/pfs/out/$(basename "$in")"'
} >"$work/spec.json"
check "pipelines run in the order of their inputs" run_specs
check "the last one has what the first one wrote" holds last/all ONE
echo two >"$work/in/b"
check "one alone" run_specs --only middle
check "the other one is as it was" holds last/all ONE
check "and then both" run_specs
check "which process what that changed" said "middle: 2 datums, 0 processed, 2 skipped"
check "and that is there" holds last/all $'ONE\nTWO'
{
  spec hen "$(input egg /)" true
  spec egg "$(input hen /)" true
} >"$work/spec.json"
check "a circle is refused" fails_saying "read each other's output"

spec clock '{"cron": {"name": "tick", "spec": "@every 1h", "overwrite": true}}' \
  'ls /pfs/tick >/pfs/out/ticks' >"$work/spec.json"
check "a cron input" run_specs --tick 2016-11-30T00:00:00Z
check "ticks" holds clock/ticks 2016-11-30T00:00:00Z
check "again" run_specs --tick 2016-11-30T01:00:00Z
check "and with overwrite there is one tick alone" holds clock/ticks 2016-11-30T01:00:00Z

# --- specs that Pachyderm or the runner refuses ---

refused() {
  local words=$1
  shift
  jq "$@" <(spec sound "$(input in '/*')" true) >"$work/spec.json"
  fails_saying "$words"
}
check "an unknown field" refused 'CreatePipelineRequest has no field "datum_trys"' '.datum_trys = 1'
check "an unknown field deep within" refused 'PFSInput has no field "golb"' '.input.pfs.golb = "/"'
check "a value of another type" refused "datum_tries: not a int" '.datum_tries = "2"'
check "a number among strings" refused "env: not a string" '.transform.env = {"A": 1}'
check "no command" refused "transform.cmd is missing" 'del(.transform.cmd)'
check "no glob" refused "glob that begins with /" 'del(.input.pfs.glob)'
check "an input named out" refused "named out" '.input.pfs.name = "out"'
check "a duration that is none" refused "no duration" '.datum_timeout = "soon"'
for field in lazy empty_files s3; do
  check "$field is not done" refused "does not do \"$field\"" ".input.pfs.$field = true"
done
check "a spout is not done" refused 'does not do "spout"' '.spout = {} | del(.input)'
check "but is a sound spec" "$root/pipelines/run" --check "$work/spec.json"
check "join is not done" refused 'does not do "join"' '.input = {"join": [.input]}'
check "a secret needs its value" refused "--env TOKEN=… is missing" \
  '.transform.secrets = [{"name": "s", "env_var": "TOKEN", "key": "k"}]'
check "with it the spec runs" run_specs --env TOKEN=secret
check "and the state does not hold it" test -z "$(grep -rl secret "$work/state" || true)"
spec stray "$(input elsewhere /)" true >"$work/spec.json"
check "a repo that is not given" fails_saying "--repo elsewhere=FOLDER is missing"

summarize
