#!/usr/bin/env bash
# Sets the demo up in the cluster that kubectl points to: a Postgres with Pete's Peanuts, and trunklined,
# which archives it in Pachyderm. Can be run again: what is there stays, and is brought up to date.
#
#   pipelines/cluster/launch.sh [--image IMAGE] [--archive URL] [--namespace NAME] [--print]
#
#   --image      the image as the cluster pulls it; default trunkline:0.1.0
#   --archive    default pfs://pachd.default.svc:30650/trunkline@master, for a Pachyderm in `default`
#   --namespace  default trunkline
#   --print      the manifests, and nothing else
#
# Where pachd asks for a token, have it in PACH_TOKEN (pachctl auth get-robot-token ROBOT).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
}

image=trunkline:0.1.0
archive=pfs://pachd.default.svc:30650/trunkline@master
namespace=trunkline
print=
while (($# > 0)); do
  case $1 in
    --image | --archive | --namespace)
      [[ -n ${2:-} ]] || usage
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --print)
      print=yes
      shift
      ;;
    *) usage ;;
  esac
done

command -v kubectl >/dev/null || {
  echo "there is no kubectl: install it, and point it to a cluster" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The demo's overlay with what the options say.
write_overlay() {
  local name=${image##*/} tag=latest repository=$image
  if [[ $name == *@* ]]; then
    echo "name the image by a tag, not by a digest" >&2
    exit 2
  fi
  if [[ $name == *:* ]]; then
    tag=${name##*:} repository=${image%:*}
  fi
  cat >"$work/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $namespace
resources:
  - $(realpath --relative-to "$(realpath "$work")" "$here/demo")
images:
  - name: trunkline
    newName: "$repository"
    newTag: "$tag"
configMapGenerator:
  - name: trunklined
    behavior: merge
    literals:
      - "TRUNKLINE_ARCHIVE=$archive"
YAML
}

# has_secret NAME
has_secret() { kubectl --namespace "$namespace" get secret "$1" --output name >/dev/null 2>&1; }

# Values go by files, so that no command line shows them.
make_secrets() {
  (
    umask 077
    mkdir "$work/secrets"
    if ! has_secret postgres; then
      od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$work/secrets/password"
      kubectl --namespace "$namespace" create secret generic postgres \
        --from-file "password=$work/secrets/password"
    fi
    if ! has_secret trunkline; then
      kubectl --namespace "$namespace" get secret postgres --output 'jsonpath={.data.password}' |
        base64 --decode >"$work/secrets/password"
      printf 'host=postgres dbname=shop user=trunkline password=%s' "$(<"$work/secrets/password")" \
        >"$work/secrets/TRUNKLINE_SOURCE"
      local files=(--from-file "$work/secrets/TRUNKLINE_SOURCE")
      if [[ -n ${PACH_TOKEN:-} ]]; then
        printf '%s' "$PACH_TOKEN" >"$work/secrets/PACH_TOKEN"
        files+=(--from-file "$work/secrets/PACH_TOKEN")
      fi
      kubectl --namespace "$namespace" create secret generic trunkline "${files[@]}"
    fi
  )
}

write_overlay
kubectl kustomize "$work" >"$work/manifests.yaml"
if [[ -n $print ]]; then
  cat "$work/manifests.yaml"
  exit
fi

kubectl get namespace "$namespace" >/dev/null 2>&1 || kubectl create namespace "$namespace"
make_secrets
kubectl apply --filename "$work/manifests.yaml"
kubectl --namespace "$namespace" rollout status statefulset/postgres --timeout 5m
kubectl --namespace "$namespace" rollout status statefulset/trunklined --timeout 5m || {
  kubectl --namespace "$namespace" logs statefulset/trunklined --tail 20 >&2
  echo "trunklined is not ready; its last words are above" >&2
  exit 1
}
cat <<TEXT

The shop is open. Sixty days of trade:
  kubectl -n $namespace exec postgres-0 -- psql -c "call peanuts.simulate(60, 7, '2016-08-02')"
What the archive holds:
  kubectl -n $namespace exec trunklined-0 -- /opt/trunkline/bin/trunkline info $archive
To end it all, the data too:
  kubectl delete namespace $namespace
TEXT
