#!/usr/bin/env bash
# Installs the Debian 12 packages that Trunkline needs and the machine lacks, as root or through sudo.
#
#   tools/install_packages.sh build     to build and run it, Postgres 15 included
#   tools/install_packages.sh test      the sanitizers, linters and what else ./test.sh needs as well
#   tools/install_packages.sh majors    to fetch other Postgres versions to test on
#   tools/install_packages.sh npm       to fetch other servers to test on
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  postgresql-15 libpq-dev
  libprotobuf-dev protobuf-compiler libgrpc++-dev protobuf-compiler-grpc libssl-dev libcurl4-openssl-dev libpugixml-dev
  libspdlog-dev libexpected-dev libcli11-dev
  nlohmann-json3-dev libzstd-dev libxxhash-dev librocksdb-dev
  libcpp-httplib-dev prometheus-cpp-dev
  libgtest-dev libgmock-dev librapidcheck-dev
)
test_packages=(
  clang-14 libclang-rt-14-dev llvm-14 clang-format-14 shellcheck jq yq zstd python3
  zsh fish man-db bsdextrautils groff-base
)

# npm is often there from elsewhere, and then conflicts with Debian's.
npm_packages=()
command -v npm >/dev/null || npm_packages+=(npm)
majors_packages=(jq "${npm_packages[@]}")

case ${1:-} in
  build) packages=("${build_packages[@]}") ;;
  test) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
  majors) packages=("${majors_packages[@]}") ;;
  npm) packages=("${npm_packages[@]}") ;;
  *)
    echo "usage: ${0##*/} build|test|majors|npm" >&2
    exit 2
    ;;
esac

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
((${#missing[@]} > 0)) || exit 0

as_root=(env DEBIAN_FRONTEND=noninteractive)
if ((EUID != 0)); then
  command -v sudo >/dev/null || {
    echo "these packages are missing, and there is no sudo to install them: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo "${as_root[@]}")
fi

# Debian would start a server on port 5432 at the first installation; we start our own, elsewhere.
no_cluster=/etc/postgresql-common/createcluster.d/trunkline.conf
if [[ " ${missing[*]} " == *" postgresql-15 "* && ! -e $no_cluster ]]; then
  "${as_root[@]}" mkdir -p "${no_cluster%/*}"
  printf 'create_main_cluster = false\n' | "${as_root[@]}" tee "$no_cluster" >/dev/null
  trap '"${as_root[@]}" rm -f "$no_cluster"' EXIT
fi

echo "installing ${missing[*]}" >&2
log=$(mktemp)
if ! {
  "${as_root[@]}" apt-get update &&
    "${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}"
} >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "apt-get failed" >&2
  exit 1
fi
rm -f "$log"
