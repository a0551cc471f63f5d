"""What the embedded store keeps between starts, in a folder private to this user.

    store/identities.json     S3 keys, made at the first start (the form that SeaweedFS reads)
    store/conf/security.toml  keys between SeaweedFS's own parts; without them other users could read its ports
    store/server.json         ports, and the process that serves them
    store/data/, store/logs/

The base ports lie below Linux's ephemeral range, and so do the same ports + 10,000, which SeaweedFS takes too (gRPC).
"""

import json
import os
import random
import secrets
import socket
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path

import psutil

ACCESS_KEY_PREFIX = "GRISTMILL"
"""Keys of embedded stores start with this, so that they can be told from a user's own."""
_BASE_PORTS = range(12000, 22000)
_GRPC_OFFSET = 10000
_JWT_SECTIONS = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


@dataclass(frozen=True)
class Keys:
    """S3 credentials of the embedded store."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Ports:
    """SeaweedFS's HTTP ports."""

    master: int
    volume: int
    filer: int
    s3: int

    def free(self) -> bool:
        """Whether nobody listens on any of them, nor on the gRPC ports that go with them."""
        return all(_free(port) and _free(port + _GRPC_OFFSET) for port in astuple(self))


@dataclass(frozen=True)
class Server:
    """The ports in use since the first start, and the process that serves them (`pid` 0: none)."""

    ports: Ports
    pid: int = 0


@dataclass(frozen=True)
class StoreState:
    """Paths of the embedded store's files."""

    folder: Path

    @property
    def identities(self) -> Path:
        """The S3 keys."""
        return self.folder / "identities.json"

    @property
    def conf(self) -> Path:
        """SeaweedFS's configuration folder."""
        return self.folder / "conf"

    @property
    def record(self) -> Path:
        """Ports and process."""
        return self.folder / "server.json"

    @property
    def data(self) -> Path:
        """The objects."""
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        """SeaweedFS's logs, bounded."""
        return self.folder / "logs"

    def make(self) -> None:
        """Makes the folders, readable by their owner only."""
        for folder in (self.folder, self.conf, self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)

    def read_keys(self) -> Keys | None:
        """The S3 keys, or None before the first start."""
        try:
            credentials = json.loads(self.identities.read_text())["identities"][0]["credentials"][0]
        except FileNotFoundError:
            return None
        return Keys(credentials["accessKey"], credentials["secretKey"])

    def keys(self) -> Keys:
        """The S3 keys, made if there are none yet."""
        return self.read_keys() or self._new_keys()

    def _new_keys(self) -> Keys:
        keys = Keys(ACCESS_KEY_PREFIX + secrets.token_hex(6).upper(), secrets.token_urlsafe(30))
        identity = {
            "name": "gristmill",
            "credentials": [{"accessKey": keys.access_key, "secretKey": keys.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        security = "".join(f'[{section}]\nkey = "{secrets.token_hex(32)}"\n' for section in _JWT_SECTIONS)
        write_private(self.conf / "security.toml", security)
        write_private(self.identities, json.dumps({"identities": [identity]}, indent=1))
        return keys

    def read_server(self) -> Server | None:
        """The recorded server, running or not; None before the first start."""
        try:
            record = json.loads(self.record.read_text())
        except FileNotFoundError:
            return None
        return Server(Ports(**record["ports"]), record["pid"])

    def write_server(self, server: Server) -> None:
        """Records ports and process."""
        write_private(self.record, json.dumps(asdict(server)))

    def runs(self, pid: int) -> bool:
        """Whether that process serves this store: it works in the store's folder (start times shift with the clock)."""
        try:
            process = psutil.Process(pid)
            return bool(
                pid and process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.folder.resolve())
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False  # gone, or its number is another user's by now

    def strays(self) -> list[int]:
        """Processes of SeaweedFS that serve this store, recorded or not."""
        running = psutil.process_iter(["name"])
        return [process.pid for process in running if process.info["name"] == "weed" and self.runs(process.pid)]


def store_state() -> StoreState:
    """The embedded store's files of this user."""
    return StoreState(state_directory() / "store")


def state_directory() -> Path:
    """$GRISTMILL_STATE_DIR, else $XDG_STATE_HOME/gristmill, else ~/.local/state/gristmill."""
    if own := os.environ.get("GRISTMILL_STATE_DIR"):
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser().absolute() / "gristmill"


def choose_ports() -> Ports:
    """Four free ports, by chance: two users' stores then rarely meet."""
    while True:
        ports = Ports(*random.sample(_BASE_PORTS, 4))
        if ports.free():
            return ports


def write_private(path: Path, text: str) -> None:
    """Replaces the file atomically; only its owner may read it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT don't count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
