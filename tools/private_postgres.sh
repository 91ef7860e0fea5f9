# shellcheck shell=bash
# Sourced: a Postgres server of the script's own, in a temporary folder, reached by its socket alone.
#
#   start_postgres [SETTING…]   sets PG_BIN and PG_FOLDER, exports PGHOST, PGPORT, PGUSER, PGDATABASE
#   stop_postgres               stops it and removes the folder; does nothing where none runs
#
# Postgres refuses to run as root: then it runs as the user `postgres`, who owns the folder.

pg_bin_directory() {
  local candidate
  for candidate in "${TRUNKLINE_PG_BINDIR:-}" /usr/lib/postgresql/15/bin \
    "$(pg_config --bindir 2>/dev/null)"; do
    if [[ -n $candidate && -x $candidate/initdb ]]; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  echo "no initdb found: install postgresql-15, or set TRUNKLINE_PG_BINDIR" >&2
  return 1
}

as_postgres() {
  if ((EUID == 0)); then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

start_postgres() {
  PG_BIN=$(pg_bin_directory) || return
  PG_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/trunkline-postgres.XXXXXX") || return
  if ((EUID == 0)); then
    chown postgres "$PG_FOLDER"
  fi
  export PGHOST=$PG_FOLDER PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
  # From the folder, since the user postgres may not be allowed into the present one.
  (
    cd "$PG_FOLDER" || exit
    as_postgres "$PG_BIN/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 \
      --locale C.UTF-8 --no-sync >initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$PG_FOLDER'" \
      "port = $PGPORT" "fsync = off" "$@" >>data/postgresql.conf
    as_postgres "$PG_BIN/pg_ctl" start --pgdata data --log server.log --wait --silent ||
      { cat server.log >&2; exit 1; }
  )
}

stop_postgres() {
  [[ -n ${PG_FOLDER:-} ]] || return 0
  if [[ -f $PG_FOLDER/data/postmaster.pid ]]; then
    (cd "$PG_FOLDER" &&
      as_postgres "$PG_BIN/pg_ctl" stop --pgdata data --mode immediate --wait --silent)
  fi
  rm -rf "$PG_FOLDER"
  PG_FOLDER=
}
