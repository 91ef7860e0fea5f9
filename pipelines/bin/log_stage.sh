#!/usr/bin/env bash
# Plays the log on its base snapshot and runs one stage. Usage: log_stage.sh shipping|retention|report
#
# Reads /pfs/log-base, as log_base.sh wrote it, and /pfs/log, as log.sh did. Writes /pfs/out/STAGE.csv.
# Environment, optional: TRUNKLINE_AS_OF, the stage's instant (default: the last commit's time), and
# TRUNKLINE_PERIOD.
set -euo pipefail
# shellcheck source=pipelines/bin/postgres.sh
source "$(dirname "$0")/postgres.sh"
stage=${1:?usage: log_stage.sh STAGE}

# An LSN as 16 digits, as in the names of files: text of one length sorts as the numbers do.
digits_of() {
  local high=${1%/*} low=${1#*/}
  printf '%08X%08X\n' "0x$high" "0x$low"
}

# The transactions from the base snapshot on. Their first lines are "begin; -- xid 745, commit LSN
# 0/16B3748, 2016-11-30 17:29:00+00", and no value goes over the end of a line.
commands_since() {
  local from=$1 file range
  for file in /pfs/log/*.sql; do
    range=$(basename "$file" .sql)
    [[ ${range#*-} < $from || ${range#*-} == "$from" ]] || cat "$file"
  done | awk -v from="$from" '
    /^begin; -- xid [0-9]+, commit LSN [0-9A-F]+\/[0-9A-F]+,/ {
      split(substr($7, 1, length($7) - 1), lsn, "/")
      commit = sprintf("%8s%8s", lsn[1], lsn[2])
      gsub(" ", "0", commit)
      passed = commit < from
    }
    !passed
    /^commit; -- xid / { passed = 0 }'
}

make_data
start_server
# In one session, and as a replica: neither triggers nor references act a second time.
{
  cat /pfs/log-base/base.sql
  echo "set session_replication_role = replica;"
  commands_since "$(digits_of "$(</pfs/log-base/base.lsn)")" | tee "$work/commands.sql"
} | psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --output /dev/null

last=$(sed -n 's/^begin; -- xid [0-9]*, commit LSN [^,]*, //p' "$work/commands.sql" | tail -n 1)
as_of=${TRUNKLINE_AS_OF:-${last:-$(</pfs/log-base/base.as_of)}}
stage_settings "${as_of:?the log has no commit yet: set TRUNKLINE_AS_OF}"
run_stage "$stage"
