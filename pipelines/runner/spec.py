"""Pipeline specs: reading them, and refusing what Pachyderm or the runner would not take."""

import json
import re

from . import SpecError

# The messages that a spec is made of, field by field, as pps_v2 of Pachyderm 2 names them. A type is
# "string", "bool", "int", "number", "any" or the name of a message here; [x] is repeated, {x} a map
# from string.
MESSAGES = {
    "CreatePipelineRequest": {
        "pipeline": "Pipeline", "description": "string", "metadata": "Metadata", "tf_job": "any",
        "transform": "Transform", "parallelism_spec": "ParallelismSpec", "egress": "any",
        "update": "bool", "output_branch": "string", "s3_out": "bool",
        "resource_requests": "ResourceSpec", "resource_limits": "ResourceSpec",
        "sidecar_resource_limits": "ResourceSpec", "sidecar_resource_requests": "ResourceSpec",
        "input": "Input", "reprocess": "bool", "service": "Service", "spout": "Spout",
        "datum_set_spec": "DatumSetSpec", "datum_timeout": "string", "job_timeout": "string",
        "salt": "string", "datum_tries": "int", "scheduling_spec": "SchedulingSpec",
        "pod_spec": "string", "pod_patch": "string", "spec_commit": "any",
        "reprocess_spec": "string", "autoscaling": "bool", "tolerations": ["any"],
        "dry_run": "bool", "determined": "any",
    },
    "Pipeline": {"name": "string", "project": "Project"},
    "Project": {"name": "string"},
    "Metadata": {"annotations": {"string"}, "labels": {"string"}},
    "Transform": {
        "image": "string", "cmd": ["string"], "err_cmd": ["string"], "env": {"string"},
        "secrets": ["SecretMount"], "image_pull_secrets": ["string"], "stdin": ["string"],
        "err_stdin": ["string"], "accept_return_code": ["int"], "debug": "bool", "user": "string",
        "working_dir": "string", "dockerfile": "string", "memory_volume": "bool",
        "datum_batching": "bool",
    },
    "SecretMount": {"name": "string", "key": "string", "mount_path": "string", "env_var": "string"},
    "ParallelismSpec": {"constant": "int"},
    "ResourceSpec": {"cpu": "number", "memory": "string", "gpu": "GPUSpec", "disk": "string"},
    "GPUSpec": {"type": "string", "number": "int"},
    "Input": {
        "pfs": "PFSInput", "cron": "CronInput", "cross": ["Input"], "union": ["Input"],
        "join": ["Input"], "group": ["Input"],
    },
    "PFSInput": {
        "project": "string", "name": "string", "repo": "string", "repo_type": "string",
        "branch": "string", "commit": "string", "glob": "string", "join_on": "string",
        "outer_join": "bool", "group_by": "string", "lazy": "bool", "empty_files": "bool",
        "s3": "bool", "trigger": "Trigger",
    },
    "Trigger": {
        "branch": "string", "all": "bool", "rate_limit_spec": "string", "size": "string",
        "commits": "int", "cron_spec": "string",
    },
    "CronInput": {
        "name": "string", "project": "string", "repo": "string", "commit": "string",
        "spec": "string", "overwrite": "bool", "start": "string",
    },
    "Service": {
        "internal_port": "int", "external_port": "int", "ip": "string", "type": "string",
    },
    "Spout": {"service": "Service"},
    "DatumSetSpec": {"number": "int", "size_bytes": "int", "per_worker": "int"},
    "SchedulingSpec": {"node_selector": {"string"}, "priority_class_name": "string"},
}

# What would change a job's outcome, and the runner does not do. The rest without an effect here
# (workers, resources, scheduling, metadata) only says how a cluster does the same work.
NOT_RUN = {
    "CreatePipelineRequest": ["tf_job", "egress", "s3_out", "service", "spout", "job_timeout",
                              "determined"],
    "Transform": ["err_cmd", "err_stdin", "datum_batching"],
    "Input": ["join", "group"],
    "PFSInput": ["lazy", "empty_files", "s3", "join_on", "outer_join", "group_by", "commit"],
}

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_DURATION = re.compile(r"(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?")


def read_specs(path):
    """The specs of a file, which may hold several, as pachctl takes them."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}") from error
    specs = []
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text.rstrip()):
        position += len(text[position:]) - len(text[position:].lstrip())
        try:
            spec, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise SpecError(f"{path}: {error}") from error
        check_spec(spec, path)
        specs.append(spec)
    if not specs:
        raise SpecError(f"{path}: no pipeline in it")
    return specs


def check_spec(spec, path):
    """Refuses what Pachyderm would: unknown fields, wrong types, what is missing or contradictory."""
    _check_message(spec, "CreatePipelineRequest", path)
    name = spec.get("pipeline", {}).get("name", "")
    if not _NAME.fullmatch(name):
        raise SpecError(f"{path}: a pipeline's name is of letters, digits, - and _, not \"{name}\"")
    where = f"{path}: pipeline {name}"
    if not spec.get("transform", {}).get("cmd"):
        raise SpecError(f"{where}: transform.cmd is missing")
    if "spout" not in spec and "input" not in spec:
        raise SpecError(f"{where}: input is missing")
    for timeout in ("datum_timeout", "job_timeout"):
        seconds_of(spec.get(timeout, ""), f"{where}: {timeout}")
    if "input" in spec:
        _check_input(spec["input"], where)


def _check_message(value, message, where):
    if not isinstance(value, dict):
        raise SpecError(f"{where}: {message} is an object")
    fields = MESSAGES[message]
    for name, item in value.items():
        if name not in fields:
            raise SpecError(f"{where}: {message} has no field \"{name}\"")
        _check_value(item, fields[name], f"{where}: {name}")


def _check_value(value, kind, where):
    if isinstance(kind, list):
        if not isinstance(value, list):
            raise SpecError(f"{where}: not a list")
        for item in value:
            _check_value(item, kind[0], where)
    elif isinstance(kind, set):
        if not isinstance(value, dict):
            raise SpecError(f"{where}: not an object")
        for item in value.values():
            _check_value(item, next(iter(kind)), where)
    elif kind in MESSAGES:
        _check_message(value, kind, where)
    elif kind != "any":
        types = {"string": str, "bool": bool, "int": int, "number": (int, float)}
        is_flag = isinstance(value, bool) and kind != "bool"
        if is_flag or not isinstance(value, types[kind]):
            raise SpecError(f"{where}: not a {kind}")


def _check_input(node, where):
    if len(node) != 1:
        raise SpecError(f"{where}: an input is one of {', '.join(MESSAGES['Input'])}")
    kind, value = next(iter(node.items()))
    if kind == "pfs":
        if not value.get("repo") or not value.get("glob", "").startswith("/"):
            raise SpecError(f"{where}: a PFS input needs a repo, and a glob that begins with /")
    elif kind == "cron":
        if not value.get("name") or not value.get("spec"):
            raise SpecError(f"{where}: a cron input needs a name and a spec")
    else:
        for child in value:
            _check_input(child, where)
        names = [name_of(leaf) for leaf in leaves(node)]
        if kind == "cross" and len(set(names)) < len(names):
            raise SpecError(f"{where}: crossed inputs need different names")
    for leaf in leaves(node):
        if name_of(leaf) == "out":
            raise SpecError(f"{where}: no input can be named out")


def check_runnable(spec):
    """Refuses, by name, what the runner does not do."""
    def refuse(message, value):
        for field in NOT_RUN[message]:
            if value.get(field) not in (None, False, "", [], {}) or field in ("spout", "service") \
                    and field in value:
                raise SpecError(f"pipeline {spec['pipeline']['name']}: the runner does not do "
                                f"\"{field}\"")

    refuse("CreatePipelineRequest", spec)
    refuse("Transform", spec["transform"])
    nodes = [spec.get("input", {})]
    while nodes:
        node = nodes.pop()
        refuse("Input", node)
        refuse("PFSInput", node.get("pfs", {}))
        nodes += node.get("cross", []) + node.get("union", [])


def leaves(node):
    """The PFS and cron inputs of an input, in their order: pairs of kind and message."""
    kind, value = next(iter(node.items()))
    if kind in ("pfs", "cron"):
        return [(kind, value)]
    return [leaf for child in value for leaf in leaves(child)]


def name_of(leaf):
    """What a PFS or cron input is called under /pfs."""
    return leaf[1].get("name") or leaf[1]["repo"]


def seconds_of(duration, where="duration"):
    """Go's notation for hours, minutes and seconds; None where it is empty."""
    if not duration:
        return None
    if not _DURATION.fullmatch(duration):
        raise SpecError(f"{where}: \"{duration}\" is no duration such as 90s or 1h30m")
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(number) * units[unit]
               for number, unit in re.findall(r"(\d+(?:\.\d+)?)([hms])", duration))
