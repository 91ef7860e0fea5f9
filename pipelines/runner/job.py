"""One job of one pipeline: which datums to run, and what becomes of its output repo."""

import concurrent.futures
import hashlib
import json
import os
import shutil
import tempfile

from . import RunnerError
from .datums import Datum, datums_of, list_files

# Datums are tried so often where the spec does not say.
_DEFAULT_TRIES = 3


class JobFailed(RunnerError):
    """A datum failed, or two wrote the same path. The output repo is as it was."""


class Job:
    """`state` keeps, by datum, what earlier jobs wrote: a folder of the pipeline's own."""

    def __init__(self, spec, repos, state, workers, job_id, say):
        self._spec = spec
        self._name = spec["pipeline"]["name"]
        self._datums = _unique(datums_of(spec["input"], repos))
        self._state = os.path.join(state, self._name)
        self._workers = workers
        self._job_id = job_id
        self._say = say
        # What a datum's output depends on besides its inputs.
        relevant = {key: spec.get(key) for key in ("pipeline", "transform", "input", "salt")}
        self._spec_digest = hashlib.sha256(
            json.dumps(relevant, sort_keys=True).encode()).hexdigest()

    def run(self, out, parallel):
        """Brings the output repo, the folder `out`, to what the input makes of it, or changes nothing."""
        self._check_out(out)
        os.makedirs(self._state, exist_ok=True)
        to_run = [datum for datum in self._datums if not os.path.isdir(self._kept(datum))]
        failed = self._process(to_run, parallel)
        if failed:
            raise JobFailed(f"{self._name}: {len(failed)} of {len(self._datums)} datums failed, first "
                            f"{failed[0]}")
        owners = self._owners()
        self._publish(owners, out)
        vanished = self._forget_vanished()
        self._say(f"{self._name}: {_count(len(self._datums), 'datum')}, {len(to_run)} processed, "
                  f"{len(self._datums) - len(to_run)} skipped, {vanished} gone, "
                  f"{_count(len(owners), 'file')}")

    def _key(self, datum):
        return hashlib.sha256(f"{self._spec_digest}\0{datum.id()}".encode()).hexdigest()

    def _kept(self, datum):
        return os.path.join(self._state, self._key(datum))

    def _check_out(self, out):
        """A folder that no job of ours filled is not overwritten."""
        if os.path.exists(out) and os.listdir(out) and not os.path.isdir(self._state):
            raise RunnerError(f"{out} holds data, and the state knows of no job that wrote it: "
                              "choose another --out, or give the --state of the jobs before")

    def _process(self, datums, parallel):
        with concurrent.futures.ThreadPoolExecutor(self._workers.at_once(parallel)) as pool:
            futures = {datum: pool.submit(self._process_one, datum) for datum in datums}
            try:
                return [datum for datum, future in futures.items() if not future.result()]
            except BaseException:
                self._workers.stop()
                raise

    def _process_one(self, datum):
        """Runs a datum until it succeeds or was tried often enough; keeps what it wrote."""
        tries = self._spec.get("datum_tries") or _DEFAULT_TRIES
        accepted = [0, *self._spec["transform"].get("accept_return_code", [])]
        environment = {
            "PACH_JOB_ID": self._job_id,
            "PACH_OUTPUT_COMMIT_ID": self._job_id,
            "PACH_DATUM_ID": datum.id(),
            "PPS_PIPELINE_NAME": self._name,
        }
        for attempt in range(1, tries + 1):
            folder = tempfile.mkdtemp(prefix=".running.", dir=self._state)
            try:
                os.chmod(folder, 0o755)
                code, output = self._workers.run(self._spec, datum, folder, environment)
                if code in accepted:
                    list_files(folder)  # refuses what PFS would not keep
                    os.rename(folder, self._kept(datum))
                    return True
                outcome = "ran out of time" if code is None else f"exited with {code}"
            except RunnerError as error:
                output, outcome = "", str(error)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if self._workers.stopped:
                return False
            self._say(f"{self._name}: datum {datum} {outcome} (try {attempt} of {tries})")
            self._say("".join(f"  | {line}\n" for line in output.splitlines()).rstrip("\n"))
        return False

    def _owners(self):
        """The datum that wrote each path of the output repo; no path has two."""
        owners = {}
        for datum in self._datums:
            for path in list_files(self._kept(datum)):
                if path in owners:
                    raise JobFailed(f"{self._name}: two datums wrote /pfs/out/{path}: {owners[path]} "
                                    f"and {datum}; name it after the datum")
                owners[path] = datum
        for path, datum in owners.items():
            parts = path.split("/")
            for length in range(1, len(parts)):
                above = owners.get("/".join(parts[:length]))
                if above:
                    raise JobFailed(f"{self._name}: /pfs/out/{'/'.join(parts[:length])} is a file of "
                                    f"{above} and a folder of {datum}")
        return owners

    def _publish(self, owners, out):
        """Puts the new output repo in the old one's place."""
        os.makedirs(os.path.dirname(out), exist_ok=True)
        staged = tempfile.mkdtemp(prefix=".staged.", dir=os.path.dirname(out))
        try:
            os.chmod(staged, 0o755)
            for path, datum in owners.items():
                target = os.path.join(staged, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(os.path.join(self._kept(datum), path), target)
            if os.path.isdir(out):
                shutil.rmtree(out)
            os.rename(staged, out)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _forget_vanished(self):
        """Drops what is kept of datums that are no more. Yields how many."""
        current = {self._key(datum) for datum in self._datums}
        vanished = [entry for entry in os.listdir(self._state) if entry not in current]
        for entry in vanished:
            shutil.rmtree(os.path.join(self._state, entry))
        return len([entry for entry in vanished if not entry.startswith(".")])


def _unique(datums):
    """Each datum once, as Pachyderm has it where a union yields one twice."""
    by_id: dict[str, Datum] = {}
    for datum in datums:
        by_id.setdefault(datum.id(), datum)
    return list(by_id.values())


def _count(number, what):
    return f"{number} {what}" + ("" if number == 1 else "s")
