#!/usr/bin/env bash
# The demo's source in a container: a Postgres with Pete's Peanuts in the database `shop`, set up for
# trunklined, which is the role `trunkline`. Ends, in good order, with SIGTERM.
#
# Environment:
#   TRUNKLINE_DEMO_FOLDER    where the data are kept; a folder that holds them already is gone on with
#   TRUNKLINE_DEMO_PASSWORD  the role's, for connections over the network
#   PGHOST                   folder of the socket, by which anybody in the container is superuser
#   PGPORT                   optional; default 5432
#   TRUNKLINE_DEMO_LISTEN    optional; the addresses to listen at, default all
set -euo pipefail
folder=${TRUNKLINE_DEMO_FOLDER:?the folder of the data}
: "${TRUNKLINE_DEMO_PASSWORD:?the password of the role trunkline}" "${PGHOST:?the folder of the socket}"
home=$(cd "$(dirname "$0")/../.." && pwd)
export PGPORT=${PGPORT:-5432} PGUSER=postgres PGDATABASE=postgres
for programs in /usr/lib/postgresql/*/bin; do PATH=$programs:$PATH; done

# run_postgres FOLDER ADDRESSES: starts it; its process is $server.
run_postgres() {
  postgres -D "$1" -p "$PGPORT" -c listen_addresses="$2" -c unix_socket_directories="$PGHOST" \
    -c wal_level=logical -c password_encryption=scram-sha-256 &
  server=$!
}

stop_postgres() {
  kill -INT "$server"
  wait "$server"
}

# What is made is made whole: a start that was cut short begins again.
initialize() {
  local tenths
  rm -rf "$folder/new"
  initdb --pgdata "$folder/new" --username postgres --encoding UTF8 --locale C.UTF-8 \
    --auth-local trust --auth-host scram-sha-256 >/dev/null
  echo 'host all all all scram-sha-256' >>"$folder/new/pg_hba.conf"
  run_postgres "$folder/new" ''
  for ((tenths = 0; tenths < 600; tenths++)); do
    pg_isready --quiet && break
    sleep 0.1
  done
  createdb shop
  # psql reads the password from its environment, so that no command line shows it.
  psql -qX -v ON_ERROR_STOP=1 -d shop -f "$home/sql/schema.sql" -f "$home/sql/customers.sql" \
    -f "$home/sql/generate.sql" -v tables='customers, orders' -f "$home/sql/source_setup.sql" -f - <<'SQL'
\set password `printenv TRUNKLINE_DEMO_PASSWORD`
alter role trunkline password :'password';
SQL
  stop_postgres
  mv "$folder/new" "$folder/data"
}

[[ -d $folder/data ]] || initialize
trap 'kill -INT "$server"' TERM INT
run_postgres "$folder/data" "${TRUNKLINE_DEMO_LISTEN:-*}"
# A signal ends the first wait; the second is for the server's own end.
wait "$server" || true
wait "$server"
