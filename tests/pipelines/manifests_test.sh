#!/usr/bin/env bash
# The cluster's manifests: what Kustomize makes of them, that no pod has more rights than it needs, that
# the parts fit each other and the programs, and what launch.sh does. No cluster is needed.
# Usage: manifests_test.sh FOLDER_OF_THE_PROGRAMS
#
# Without a kubectl that knows Kustomize 5, the files are looked at as they are, and launch.sh is left
# out; the output says so.
#
# The single quotes are round programs of jq and of a script.
# shellcheck disable=SC2016
set -euo pipefail
bin=$(cd "${1:?the folder of trunkline and trunklined}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
cluster=$root/pipelines/cluster

# shellcheck source=tests/support/check.sh
source "$root/tests/support/check.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kubectl=
if command -v kubectl >/dev/null && kubectl kustomize "$cluster/base" >"$work/rendered" 2>&1; then
  kubectl=$(command -v kubectl)
else
  echo "no kubectl that renders these: the files are looked at as they are, launch.sh is left out"
fi

# raw_documents FOLDER: the resources that it names, and those of the folders that it names.
raw_documents() {
  local resource
  while read -r resource; do
    if [[ -d $1/$resource ]]; then
      raw_documents "$1/$resource"
    else
      echo ---
      cat "$1/$resource"
    fi
  done < <(yq -r '.resources[]' "$1/kustomization.yaml")
}

# documents FOLDER: an array of the objects, as JSON.
documents() {
  if [[ -n $kubectl ]]; then
    "$kubectl" kustomize "$1"
  else
    raw_documents "$1"
  fi | yq -s '[.[] | select(. != null)]'
}

# --- rights: each filter yields the names of the objects that it objects to ---

declare -A objections
objections[runs as root]='
  pods | select(.spec.securityContext | .runAsNonRoot != true or (.runAsUser // 0) == 0) | .name'
objections[has no seccomp profile]='
  pods | select(.spec.securityContext.seccompProfile.type != "RuntimeDefault") | .name'
objections[has a token of the cluster]='
  pods | select(.spec.automountServiceAccountToken != false) | .name'
objections[sees the host]='
  pods | select(.spec | .hostNetwork or .hostPID or .hostIPC
    or any(.volumes[]?; has("hostPath"))) | .name'
objections[may write its root file system]='
  containers | select(.securityContext.readOnlyRootFilesystem != true) | .name'
objections[may gain privileges]='
  containers | select(.securityContext
    | .allowPrivilegeEscalation != false or .privileged == true) | .name'
objections[keeps capabilities]='
  containers | select(.securityContext.capabilities | .drop != ["ALL"] or .add != null) | .name'
objections[is not limited]='
  containers | select(.resources | (.requests.cpu and .requests.memory and .limits.memory) | not)
  | .name'
objections[is not probed]='containers | select((.livenessProbe and .readinessProbe) | not) | .name'
objections[has a secret in its environment]='
  containers | select(any(.env[]?; (.name | test("PASSWORD|TOKEN|SOURCE"))
    and (.valueFrom | has("secretKeyRef") | not))) | .name'
objections[is a secret]='.[] | select(.kind == "Secret") | .metadata.name'
objections[is not guarded by a network policy]='
  [.[] | select(.kind == "NetworkPolicy") | .spec
    | select(.policyTypes == ["Ingress", "Egress"]) | .podSelector.matchLabels] as $guarded
  | pods | select(.labels as $labels | $guarded | index($labels) | not) | .name'

definitions='
  def pods: .[] | select(.spec.template) | {name: .metadata.name, labels: .spec.template.metadata.labels,
    spec: .spec.template.spec};
  def containers: pods | .spec | (.containers + (.initContainers // []))[];'

# objected RULE FILE
objected() { jq -r "$definitions ${objections[$1]}" "$2"; }
nothing_objected() {
  local found
  found=$(objected "$1" "$2") || return
  [[ -z $found ]] || { echo "     $found"; return 1; }
}

for overlay in base demo; do
  documents "$cluster/$overlay" >"$work/$overlay.json"
  for rule in "${!objections[@]}"; do
    check "$overlay: nothing $rule" nothing_objected "$rule" "$work/$overlay.json"
  done
done

# Each rule finds what breaks it.
broken='map(if .kind == "StatefulSet" then .spec.template.spec |= (
    .securityContext = {} | .automountServiceAccountToken = true | .hostNetwork = true |
    .containers |= map(.securityContext = {capabilities: {add: ["SYS_ADMIN"]}} | del(.resources) |
      del(.livenessProbe) | .env = [{name: "PGPASSWORD", value: "x"}])) else . end)
  | map(select(.kind != "NetworkPolicy")) + [{kind: "Secret", metadata: {name: "x"}}]'
jq "$broken" "$work/base.json" >"$work/broken.json"
for rule in "${!objections[@]}"; do
  check "the rule finds what $rule" test -n "$(objected "$rule" "$work/broken.json")"
done

# --- the parts fit each other ---

fits() { jq -e "$definitions $2" "$work/$1.json" >/dev/null; }
{
  check "services, budgets and policies select pods that there are" fits demo '
    [pods | .labels] as $labels | [.[] | select(.kind | IN("Service", "PodDisruptionBudget", "NetworkPolicy"))
      | if .kind == "Service" then .spec.selector else (.spec.selector // .spec.podSelector).matchLabels end]
    | length == 5 and all(.[]; . as $selector | $labels | index($selector) != null)'
  check "services lead to ports that containers have" fits demo '
    [containers | .ports[].name] as $ports
    | [.[] | select(.kind == "Service") | .spec.ports[].targetPort] | all(.[]; IN($ports[]))'
  check "a drain can move the only replica" fits base '
    [.[] | select(.kind == "PodDisruptionBudget") | .spec.maxUnavailable] == [1]'
  check "the probes ask where the daemon answers" fits base '
    containers | (.args[] | select(startswith("--http=")) | split(":")[-1] | tonumber) as $port
    | .ports == [{name: "metrics", containerPort: $port}]
      and .livenessProbe.httpGet == {path: "/healthz", port: "metrics"}
      and .readinessProbe.httpGet == {path: "/readyz", port: "metrics"}'
  check "the spool is a volume that outlives the pod" fits base '
    .[] | select(.kind == "StatefulSet") | .spec.volumeClaimTemplates[0].metadata.name as $claim
    | .spec.template.spec.containers[0]
    | (.args[] | select(startswith("--spool=")) | ltrimstr("--spool=")) as $folder
    | any(.volumeMounts[]; .name == $claim and .mountPath == $folder)'
  check "the pod has the time that a stop may take" fits base '
    pods | .spec.terminationGracePeriodSeconds > 45'
}

"$bin/trunklined" --help >"$work/help"
options_are_known() {
  local option
  while read -r option; do
    grep -q -e "$option " "$work/help" || { echo "     trunklined has no $option"; return 1; }
  done < <(jq -r '.. | .args? // .cmd? // empty | .[] | select(startswith("--")) | sub("=.*"; "")' "$1")
}
check "the daemon knows its options" options_are_known "$work/base.json"
check "the spout's daemon knows its options" options_are_known "$cluster/spout/trunkline.json"

spout_is_sound() {
  jq -e '
    .pipeline.name as $repo | .spout == {} and has("input") == false and
    (keys - ["pipeline", "description", "spout", "transform", "resource_requests", "resource_limits"]
      == []) and
    (.transform | keys - ["image", "cmd", "env", "secrets"] == []) and
    (.transform.cmd | index("pfs://localhost:1653/\($repo)@master") != null) and
    .transform.env.PACH_CONFIG == "/pachctl/config.json" and
    ([.transform.secrets[] | [.name, .key, .env_var]]
      == [["trunkline", "TRUNKLINE_SOURCE", "TRUNKLINE_SOURCE"]])' \
    "$cluster/spout/trunkline.json" >/dev/null
}
check "the spout writes its own repo through its sidecar" spout_is_sound

# --- launch.sh, with a kubectl that writes down what it is told, and has what it was told to make ---

fake_kubectl() {
  mkdir -p "$work/path" "$work/made"
  printf '%s\n' '#!/usr/bin/env bash' "real=$kubectl made=$work/made" \
    '[[ $1 != kustomize ]] || exec "$real" "$@"' \
    'all=$*' \
    'echo "$all" >>"$made/calls"' \
    'case $all in' \
    '  *"get secret"*jsonpath*) printf hidden | base64 ;;' \
    '  *"get secret "*) name=${all#*get secret }; [[ -e $made/secret.${name%% *} ]] ;;' \
    '  *"create secret generic "*)' \
    '    name=${all#*create secret generic }; touch "$made/secret.${name%% *}"' \
    '    for argument; do' \
    '      [[ $argument != password=* ]] || cat "${argument#password=}" >"$made/password"' \
    '      [[ $argument != */TRUNKLINE_SOURCE ]] || cat "$argument" >"$made/source"' \
    '    done ;;' \
    '  *"get namespace"*) [[ -e $made/namespace ]] ;;' \
    '  *"create namespace"*) touch "$made/namespace" ;;' \
    '  *apply*) cat "${@: -1}" >"$made/applied" ;;' \
    '  *"rollout status"*) [[ ! -e $made/not_ready ]] ;;' \
    'esac' >"$work/path/kubectl"
  chmod +x "$work/path/kubectl"
}
launch() { PATH=$work/path:$PATH "$cluster/launch.sh" "$@" >"$work/launch.log" 2>&1; }
applied() { yq -s . "$work/made/applied"; }

if [[ -n $kubectl ]]; then
  fake_kubectl
  check "launch.sh succeeds" launch --image registry.example:5000/trunkline:1.2.3 \
    --archive pfs://elsewhere:30650/a@b --namespace shop
  check "it applies the image that was named" test "$(applied |
    jq -r '[.. | .image? // empty] | unique[]')" = registry.example:5000/trunkline:1.2.3
  check "and the archive" test "$(applied |
    jq -r '.[] | select(.kind == "ConfigMap") | .data.TRUNKLINE_ARCHIVE')" = pfs://elsewhere:30650/a@b
  check "in one namespace, which enforces restricted pods" test "$(applied |
    jq -r '[.[] | .metadata.namespace // "\(.metadata.name) \(.metadata.labels[])"] | unique | join(",")')" \
    = "shop,shop restricted"
  check "the daemon is told the password that was made" test "$(<"$work/made/source")" = \
    "host=postgres dbname=shop user=trunkline password=hidden"
  check "which is long" grep -Eqx '[0-9a-f]{48}' "$work/made/password"
  check "no command line shows it" test "$(grep -c -e hidden -e "$(<"$work/made/password")" \
    "$work/made/calls")" -eq 0
  check "a second time succeeds" launch --namespace shop
  check "and makes no secret anew" test "$(grep -c 'create secret' "$work/made/calls")" -eq 2
  touch "$work/made/not_ready"
  launch_fails() { ! launch --namespace shop; }
  check "pods that do not get ready are a failure" launch_fails
  usage_error() {
    local code=0
    launch "$@" || code=$?
    ((code == 2)) && grep -q -e '--archive URL' "$work/launch.log"
  }
  check "an unknown option is a usage error" usage_error --nonsense
fi

summarize
