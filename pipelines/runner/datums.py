"""Repos as folders, and the datums that an input makes of them."""

import hashlib
import itertools
import os
import re
from dataclasses import dataclass

from . import RunnerError, SpecError
from .spec import leaves, name_of


class Repo:
    """A folder as one PFS commit: its files, read once. PFS keeps no empty folder and no mode."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = os.path.abspath(folder)
        if not os.path.isdir(self.folder):
            raise SpecError(f"repo {name}: {folder} is no folder")
        self.files = list_files(self.folder)
        self._digests = {}

    def digest(self, path):
        """SHA-256 of what lies at `path`, a file or all files below a folder."""
        if path in self._digests:
            return self._digests[path]
        digest = hashlib.sha256()
        if path in self.files:
            with open(os.path.join(self.folder, path), "rb") as file:
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    digest.update(chunk)
        else:
            for file in self.files:
                if path == "" or file.startswith(path + "/"):
                    digest.update(f"{file}\0{self.digest(file)}\0".encode())
        self._digests[path] = digest.hexdigest()
        return self._digests[path]

    def objects(self):
        """Every file and every folder that holds one, by name."""
        names = set(self.files)
        for file in self.files:
            parts = file.split("/")
            names.update("/".join(parts[:length]) for length in range(1, len(parts)))
        return sorted(names)


def list_files(folder):
    """Paths of the files below `folder`, in order. Links count as what they lead to."""
    files = []
    for root, _, names in os.walk(folder, followlinks=True, onerror=_raise):
        for name in names:
            path = os.path.join(root, name)
            if not os.path.isfile(path):
                raise RunnerError(f"{path} is neither a file nor a folder: PFS does not keep it")
            relative = os.path.relpath(path, folder)
            if not re.fullmatch(r"[\x20-\x7e]+", relative) or re.search(r"[*?\[\]{}!()@+^]", relative):
                raise RunnerError(f"{path!r}: PFS does not take this name")
            files.append(relative)
    return sorted(files)


def _raise(error):
    raise RunnerError(str(error))


def compile_glob(glob):
    """A regular expression for paths without their leading slash."""
    pattern = glob.strip("/")
    if re.search(r"[*?+@!]\(", pattern):
        raise SpecError(f"glob \"{glob}\": the runner does not do extended groups such as @(a|b)")
    tokens = re.findall(r"\*\*|\[[^\]]*\]|.", pattern)
    translated = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", "(": "", ")": ""}
    braces = 0
    out = ""
    for token in tokens:
        braces += {"{": 1, "}": -1}.get(token, 0)
        if token == "," and braces:
            out += "|"
        elif len(token) > 1 and token[0] == "[":
            out += "[" + token[1:-1].replace("!", "^", 1 if token[1] == "!" else 0) + "]"
        else:
            out += translated.get(token, re.escape(token))
    try:
        return re.compile(out)
    except re.error as error:
        raise SpecError(f"glob \"{glob}\": {error}") from error


@dataclass(frozen=True)
class Match:
    """One object of one repo within a datum."""

    name: str  # of the input: it lies under /pfs/<name>
    repo: Repo
    path: str  # "" for the whole repo

    def key(self):
        return f"{self.name}\0{self.path}\0{self.repo.digest(self.path)}\0"

    def __str__(self):
        return f"{self.repo.name}:/{self.path}"


@dataclass(frozen=True)
class Datum:
    matches: tuple

    def id(self):
        """The same for the same objects with the same content."""
        return hashlib.sha256("".join(match.key() for match in self.matches).encode()).hexdigest()

    def __str__(self):
        return " x ".join(str(match) for match in self.matches)


def datums_of(node, repos):
    """The datums of an input; `repos` holds a Repo for each repo and each cron input by name."""
    kind, value = next(iter(node.items()))
    if kind == "union":
        return [datum for child in value for datum in datums_of(child, repos)]
    if kind == "cross":
        combinations = itertools.product(*(datums_of(child, repos) for child in value))
        return [Datum(tuple(itertools.chain(*(datum.matches for datum in combination))))
                for combination in combinations]
    repo = repos[repo_of((kind, value))]
    name = name_of((kind, value))
    glob = value.get("glob", "/*")
    if glob == "/":
        return [Datum((Match(name, repo, ""),))] if repo.files else []
    pattern = compile_glob(glob)
    return [Datum((Match(name, repo, path),)) for path in repo.objects() if pattern.fullmatch(path)]


def repo_of(leaf):
    """The repo that an input reads; a cron input has one of its own."""
    kind, value = leaf
    return value["repo"] if kind == "pfs" else "cron " + value["name"]


def repos_of(spec):
    """Names of the repos that a spec reads, without those of its cron inputs. A spout reads none."""
    if "input" not in spec:
        return set()
    return {value["repo"] for kind, value in leaves(spec["input"]) if kind == "pfs"}
