"""Where a datum's command runs: /pfs, the image's folders, environment, standard input, time limit."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading

from . import CannotLayOut
from .spec import leaves, name_of, seconds_of

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker.sh")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Workers:
    """How commands are run on this machine. `image` maps paths under /opt/trunkline to folders."""

    def __init__(self, image):
        self._image = image
        self._running = set()  # processes, guarded by _lock
        self._lock = threading.Lock()
        self.stopped = False
        self._namespace = _find_namespace()
        if self._namespace is None and (os.geteuid() != 0 or os.path.exists("/pfs")
                                        or os.path.exists("/opt/trunkline")):
            raise CannotLayOut("cannot lay out /pfs: no mount namespace, and not root or the folders "
                               "exist")

    def at_once(self, wanted):
        """How many datums can be run at once: without namespaces there is one /pfs."""
        return wanted if self._namespace is not None else 1

    def run(self, spec, datum, out, environment):
        """Runs the command. Yields its exit code, or None where time ran out, and what it printed."""
        transform = spec["transform"]
        environment = {"PATH": _PATH, "HOME": "/tmp", **environment,
                       **transform_environment(spec, datum)}
        with tempfile.TemporaryDirectory(prefix="trunkline-datum.") as folder:
            layout = os.path.join(folder, "layout")
            with open(layout, "w", encoding="utf-8") as file:
                file.writelines("\t".join(line) + "\n" for line in self._layout(datum, out))
            mode = "namespace" if self._namespace is not None else "folders"
            command = [*(self._namespace or []), "bash", _SCRIPT, mode, layout,
                       transform.get("working_dir") or "/", *transform["cmd"]]
            stdin = "".join(line + "\n" for line in transform.get("stdin", []))
            return self._run(command, stdin, environment, seconds_of(spec.get("datum_timeout", "")))

    def stop(self):
        """Ends what runs, and nothing is run any more. From any thread."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                os.killpg(process.pid, signal.SIGKILL)

    def _run(self, command, stdin, environment, timeout):
        with self._lock:
            if self.stopped:
                return None, ""
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env=environment,
                                       start_new_session=True)
            self._running.add(process)
        out_of_time = False
        try:
            output, _ = process.communicate(stdin.encode(), timeout=timeout)
        except subprocess.TimeoutExpired:
            out_of_time = True
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        if self._namespace is None and process.returncode == -signal.SIGKILL:
            for folder in ("/pfs", "/opt/trunkline"):  # of links, which worker.sh had no time to remove
                shutil.rmtree(folder, ignore_errors=True)
        return None if out_of_time else process.returncode, output.decode(errors="replace")

    def _layout(self, datum, out):
        for target, source in self._image.items():
            yield source, f"/opt/trunkline/{target}", "ro"
        for match in datum.matches:
            parts = ["/pfs", match.name] + ([match.path] if match.path else [])
            yield os.path.join(match.repo.folder, match.path).rstrip("/"), "/".join(parts), "ro"
        yield out, "/pfs/out", "rw"


def transform_environment(spec, datum):
    """What a worker says of the datum's inputs, and the spec's own variables."""
    environment = {}
    for match in datum.matches:
        environment[match.name] = f"/pfs/{match.name}" + (f"/{match.path}" if match.path else "")
        environment[f"{match.name}_COMMIT"] = match.repo.digest("")[:32]
    for leaf in leaves(spec["input"]):
        environment.setdefault(name_of(leaf), f"/pfs/{name_of(leaf)}")
    environment.update(spec["transform"].get("env", {}))
    environment.update(spec.get("secret_environment", {}))
    return environment


def _find_namespace():
    """The prefix under which mounts are ours alone, with processes of our own where that is allowed."""
    who = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    mounts = ["unshare", *who, "--mount", "--propagation", "private"]
    probe = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    for prefix in ([*mounts, "--pid", "--fork", "--kill-child=KILL"], mounts):
        try:
            if subprocess.run([*prefix, *probe], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).returncode == 0:
                return prefix
        except FileNotFoundError:
            return None
    return None
