"""Ray, started or joined: for the length of a stage, quiet, and gone afterwards with all its files.

A cluster of our own (`address: null`) lives on this machine, in a private folder, with a token of its own; its
processes are descendants of the stage's worker, so that its supervisor ends whatever a kill leaves. A cluster that is
joined is left standing; our actors there end with the stage, by Ray's rule that actors end with their owner.
"""

import hashlib
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from gristmill.distribute.guard import Guard
from gristmill.errors import GristmillError, InputError
from gristmill.params.distribute import DistributeParams

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_enable_metrics_collection": "0",
    "RAY_process_group_cleanup_enabled": "1",
    "PYTHONWARNINGS": "ignore",
}
_OBJECT_STORE_BYTES = 256 << 20
"""Shards and outcomes on their way; the least that Ray takes is 75 MiB."""
_CONNECT_SECONDS = 10.0
_HEADER = (":actor_name:", ":job_id:", ":task_name:")
"""Lines that Ray writes into what an actor says."""
_WHERE = "params.yaml: engine.distribute"

log = logging.getLogger(__name__)


class Cluster:
    """Ray for the length of a stage."""

    def __init__(self, params: DistributeParams, logs: Path) -> None:
        self._params = params
        self._logs = logs
        self._folder: Path | None = None
        self._guard: Guard | None = None

    def start(self) -> None:
        """Starts or joins. Raises InputError when what the parameters ask for is not there."""
        os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            if self._params.address is None:
                self._start_own()
            else:
                self._join(self._params.address)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)  # Ray takes SIGTERM for itself
        self._check_room()

    def stop(self) -> None:
        """Leaves, or ends our own with every process and file of it. May be called at any time."""
        import ray

        ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._guard is not None:
            self._guard.release()

    def keep_logs(self) -> None:
        """Copies what the actors of our own cluster said to `.gristmill/logs/ray`, before it is removed."""
        if self._folder is None:
            return
        shutil.rmtree(self._logs, ignore_errors=True)
        for path in self._folder.glob("session_2*/logs/worker-*"):
            said = [line for line in path.read_text(errors="replace").splitlines() if not line.startswith(_HEADER)]
            if said:
                self._logs.mkdir(parents=True, exist_ok=True)
                (self._logs / path.name).write_text("\n".join(said) + "\n")

    def _start_own(self) -> None:
        params = self._params
        self._folder = _private_folder(self._logs)
        self._guard = Guard(self._folder)
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # once: Ray keeps the first of a process
        log.info("starting Ray for %d actors", params.actors)
        try:
            _init(
                address="local",
                num_cpus=params.cpus,
                object_store_memory=_OBJECT_STORE_BYTES,
                include_dashboard=False,
                _temp_dir=str(self._folder),
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise GristmillError(
                f"Ray could not start: {_first_line(error)}",
                where=_WHERE,
                do="look at the room in memory and in /dev/shm, or set engine.distribute to null for a single engine",
            ) from error

    def _join(self, address: str) -> None:
        if address != "auto":
            _reach(address)
        try:
            _init(address=address)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"no Ray cluster to join at {address}: {_first_line(error)}",
                where=f"{_WHERE}.address",
                do="start one (`ray start --head`), with the same versions of Python and Ray as here, or set null",
            ) from None

    def _check_room(self) -> None:
        """Raises InputError when the cluster has not one node that could take an actor."""
        import ray

        wanted = {"CPU": self._params.cpus_per_actor, "GPU": self._params.gpus_per_actor}
        alive: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        nodes = [node["Resources"] for node in alive if node["Alive"]]
        if any(all(node.get(name, 0) >= count for name, count in wanted.items()) for node in nodes):
            return
        there = "; ".join(f"{node.get('CPU', 0):g} CPUs, {node.get('GPU', 0):g} GPUs" for node in nodes)
        raise InputError(
            f"no machine has {wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs for an actor",
            where=_WHERE,
            expected=f"at most what a machine of the cluster has: {there}",
            do="lower cpus_per_actor or gpus_per_actor",
        )


def _init(**settings: Any) -> None:
    import ray

    ray.init(log_to_driver=False, logging_level=logging.ERROR, **settings)


def _reach(address: str) -> None:
    """Raises InputError at once when nobody listens there: Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise InputError(
            f"{address} cannot be reached: {error}",
            where=f"{_WHERE}.address",
            expected="the address of a Ray cluster that runs",
            do="start it (`ray start --head`), mend the address, or set null for a Ray of this machine's own",
        ) from None


def _private_folder(logs: Path) -> Path:
    """A folder for this workspace's Ray, empty: what a killed run left there goes.

    Not in the workspace: the names of Ray's sockets are at most 107 bytes long (unix(7)).
    """
    name = hashlib.sha256(str(logs).encode()).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / f"gristmill-ray-{os.getuid()}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise GristmillError(
            f"{folder} is not ours to use", where="engine.distribute", do="remove it, then run this again"
        ) from None
    return folder


def _first_line(error: Exception) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__
