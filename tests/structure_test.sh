#!/usr/bin/env bash
# The house rules that a compiler does not check. Usage: structure_test.sh BUILD_FOLDER
#   layers       who may include whom (docs/architecture.md), and which folder may see which library
#   built        every source and every *_test.cc is compiled in BUILD_FOLDER
#   documented   every top folder has a README
#   clean        no marker of unfinished work, no path of somebody's machine
set -euo pipefail
build=$(cd "${1:?the build folder}" && pwd)
cd "$(dirname "$0")/.."

failures=0
fail() {
  echo "FAIL $*"
  failures=$((failures + 1))
}

# Prints the project's files, paths relative to its root, one a line; extra arguments go to find.
project_files() {
  find . \( -name .git -o -name 'build' -o -name 'build-*' -o -name .cache \) -prune -o \
    -type f "$@" -print | sed 's|^\./||' | sort
}
sources() { project_files \( -name '*.cc' -o -name '*.h' \); }

# allow_only RULE LINE_PATTERN FILE_PATTERN: lines like the one may stand in files like the other only.
allow_only() {
  local rule=$1 line=$2 file=$3 found
  found=$(sources | grep -Ev "$file" | xargs -r -d '\n' grep -EnH "$line" || true)
  [[ -z $found ]] || fail "$rule:"$'\n'"$found"
}

# --- layers: FOLDER, then the folders whose headers it may include ---

check_layer() {
  local folder=$1 allowed found
  allowed=$(IFS='|' && echo "$*")
  found=$(sources | grep "^$folder/" |
    xargs -r -d '\n' grep -EnH '^#include "[a-z_]+/' | grep -Ev "#include \"($allowed)/" || true)
  [[ -z $found ]] || fail "$folder may include $* only:"$'\n'"$found"
}

check_layer base
check_layer decoder base
check_layer archive base decoder
check_layer postgres base
check_layer cli base
check_layer daemon base decoder archive postgres cli
check_layer replay base decoder archive postgres cli

# A bare name is right for generated headers alone, which are not beside the file.
while IFS=: read -r file line header; do
  [[ ! -e $(dirname "$file")/$header ]] ||
    fail "$file:$line: includes are relative to the root of the project: $(dirname "$file")/$header"
done < <(sources | xargs -d '\n' grep -EnHo '^#include "[^"/]+"' | sed -e 's/#include "//' -e 's/"$//')

# --- libraries: each behind one wall ---

allow_only "libpq is seen by postgres/, daemon/ and tests only" \
  '#include [<"](libpq-fe|libpq/|postgres_ext)' '^(postgres|daemon|tests)/'
allow_only "gRPC is seen by the PFS client, and by the server for its tests" \
  '#include [<"](grpc|pfs\.(grpc\.)?pb)' '^(archive/pfs_client|tests/pfs_server/server|tests/unit/stores/pfs_admin)\.cc$'
allow_only "RocksDB is seen by the spool, the rows beyond --memory and the index only" \
  '#include [<"]rocksdb/' \
  '^(archive/unsynced_env|daemon/[a-z_]*spool|replay/spill(_database|ed_rows)|replay/rocksdb_slice|replay/[a-z_]*index)\.(cc|h)$'
allow_only "libcurl is seen by the HTTP client only" '#include ([<"]curl/|"archive/libcurl)' \
  '^archive/(http_client\.cc|libcurl\.h)$'
allow_only "pugixml is seen by the XML of S3, and by the server for its tests" \
  '#include [<"]pugixml' '^(archive/s3_xml|tests/s3_server/server)\.cc$'
allow_only "cpp-httplib is seen by the HTTP server only, and by tests" '#include [<"]httplib' \
  '^(daemon/http_server|tests/.*)\.cc$'
allow_only "prometheus-cpp is seen by the metrics' text only" '#include [<"]prometheus/' \
  '^daemon/metrics_text\.cc$'
allow_only "heavy headers stay out of headers" \
  '#include [<"](CLI/|nlohmann/|google/protobuf/|.*\.pb\.h)' '\.cc$'

while read -r header; do
  grep -q '^#pragma once$' "$header" || fail "$header lacks #pragma once"
done < <(project_files -name '*.h')

# --- built ---

commands=$build/compile_commands.json
if [[ ! -f $commands ]]; then
  fail "$commands is missing: is $build a build folder?"
else
  compiled=$(grep -o '"file": "[^"]*"' "$commands" | sed -e 's/"file": "//' -e 's/"$//' | sort -u)
  while read -r source; do
    grep -qxF "$PWD/$source" <<<"$compiled" || fail "$source is not part of the build"
  done < <(project_files -name '*.cc' | grep -Ev '^tests/(fuzz|bench)/')
fi
while read -r test; do
  grep -qF "$(basename "$test" _test.sh)" "$(dirname "$test")/CMakeLists.txt" ||
    fail "$test is not registered with CTest"
done < <(project_files -path './tests/*_test.sh')

# --- documented ---

while read -r folder; do
  [[ -f $folder/README.md ]] || fail "$folder/ has no README.md"
done < <(project_files -path './*/*' | cut -d/ -f1 | grep -v '^\.' | sort -u)

# --- clean; the patterns are written so that they do not find themselves ---

unfinished='\b(TOD[O]|FIXM[E]|XX[X])\b'
machine='(^|[^A-Za-z0-9_.}])/(wor[k]|hom[e]|roo[t])/'
while read -r pattern; do
  found=$(project_files | xargs -r -d '\n' grep -IEnH -e "$pattern" || true)
  [[ -z $found ]] || fail "not for the repository:"$'\n'"$found"
done < <(printf '%s\n' "$unfinished" "$machine")

while read -r script; do
  if [[ $(head -c 2 "$script") == '#!' && ! -x $script ]]; then
    fail "$script is a script but not executable"
  fi
done < <(project_files)

((failures == 0)) || { echo "$failures rule(s) broken"; exit 1; }
echo "the structure holds"
