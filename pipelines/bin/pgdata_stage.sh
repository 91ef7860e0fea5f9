#!/usr/bin/env bash
# Starts a server on a copy of a data folder and runs one stage. Usage: pgdata_stage.sh STAGE
#
# Reads /pfs/pgdata, as pgdata.sh wrote it. Writes /pfs/out/STAGE.csv. Environment, optional:
# TRUNKLINE_PERIOD.
set -euo pipefail
# shellcheck source=pipelines/bin/postgres.sh
source "$(dirname "$0")/postgres.sh"
stage=${1:?usage: pgdata_stage.sh STAGE}

# PFS gave up the modes and the empty folders, and the server writes into its folder.
cp --recursive --no-preserve=mode,ownership --reflink=auto /pfs/pgdata/pgdata "$work/data"
while IFS= read -r folder; do
  mkdir -p "$work/data/$folder"
done </pfs/pgdata/empty_folders
chmod -R u=rwX,go= "$work/data"
if ((EUID == 0)); then
  chown -R postgres "$work/data"
fi

start_server
export PGDATABASE=trunkline
stage_settings ""
run_stage "$stage"
