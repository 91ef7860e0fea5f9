# shellcheck shell=bash
# Sourced: a private Postgres whose data folder comes from a pipeline, or goes on into one. The server
# listens on a socket beside the data alone, and ends with the script.
#
#   home, work        /opt/trunkline, and a scratch folder that is removed at the end
#   make_data         initdb into $work/data
#   start_server      on $work/data; exports PGHOST, PGUSER, PGDATABASE for psql and trunkline
#   stop_server       cleanly, so that the folder can be copied
#   stage_settings [AS_OF]   exports PGOPTIONS with the instant, and the period that the spec sets
#   run_stage STAGE   what sql/STAGE.sql answers, into /pfs/out, whole or not at all
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PG_BIN=${TRUNKLINE_PG_BINDIR:-/usr/lib/postgresql/15/bin}
[[ -x $PG_BIN/initdb ]] || { echo "no initdb in $PG_BIN: set TRUNKLINE_PG_BINDIR" >&2; exit 1; }
# Debian's own psql and pg_dump choose a version by what clusters the machine has.
export PATH=$PG_BIN:$PATH LC_ALL=C.UTF-8

clean_up() {
  stop_server immediate || true
  rm -rf "$work"
}
work=$(mktemp -d "${TMPDIR:-/tmp}/trunkline-pipeline.XXXXXX")
trap clean_up EXIT
# Who owns the data, and what the server's superuser is called.
superuser=$(id -un)
if ((EUID == 0)); then
  superuser=postgres
  chown postgres "$work"
fi

# run_server_tool COMMAND…: quiet unless it fails. Postgres refuses to run as root: then it runs as the
# user postgres, from a folder that one may be in.
run_server_tool() {
  local output
  local -a as_postgres=()
  ((EUID != 0)) || as_postgres=(runuser -u postgres --)
  output=$(cd / && "${as_postgres[@]}" "$@" 2>&1) || {
    printf '%s\n' "$output" >&2
    return 1
  }
}

# Small WAL files, which are soon made.
make_data() {
  run_server_tool "$PG_BIN/initdb" --pgdata "$work/data" --username "$superuser" --auth trust --encoding UTF8 \
    --locale C.UTF-8 --no-sync --wal-segsize 4
}

# The data is thrown away, or copied once the server has stopped: it need not survive a crash.
start_server() {
  export PGHOST=$work PGUSER=$superuser PGDATABASE=postgres
  # Only who may enter the folder reaches the socket.
  echo 'local all all trust' >"$work/pg_hba.conf"
  unset PGPORT PGPASSWORD
  # The server must not hold our standard output open.
  run_server_tool "$PG_BIN/pg_ctl" start --pgdata "$work/data" --wait --silent \
    --log "$work/server.log" --options "-c listen_addresses='' \
      -c unix_socket_directories='$work' -c hba_file='$work/pg_hba.conf' -c port=5432 -c fsync=off \
      -c max_wal_size=256MB -c autovacuum=off" || {
    cat "$work/server.log" >&2
    return 1
  }
}

stop_server() {
  [[ -f $work/data/postmaster.pid ]] || return 0
  run_server_tool "$PG_BIN/pg_ctl" stop --pgdata "$work/data" --mode "${1:-fast}" --wait --silent
}

# libpq splits PGOPTIONS at blanks; a backslash keeps one in the value.
stage_settings() {
  local as_of=${1:-} options=
  if [[ -n $as_of ]]; then
    options="-c trunkline.as_of=${as_of// /\\ }"
  fi
  if [[ -n ${TRUNKLINE_PERIOD:-} ]]; then
    options+=" -c trunkline.period=${TRUNKLINE_PERIOD// /\\ }"
  fi
  export PGOPTIONS=$options
}

run_stage() {
  psql --no-psqlrc --quiet --csv -v ON_ERROR_STOP=1 --file "$home/sql/$1.sql" \
    --output "$work/$1.csv"
  cp "$work/$1.csv" "/pfs/out/$1.csv"
}
