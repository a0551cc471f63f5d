"""Code that tries to get out of the sandbox, in the real sandbox."""

import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gristmill.errors import GristmillError
from gristmill.execution.limits import Ending, Limits
from gristmill.execution.place import require
from gristmill.execution.run import execute
from gristmill.params.execution import Isolation

LIMITS = Limits(seconds=8, cpu_seconds=2, memory_mib=256, processes=8, file_mib=4, scratch_mib=8, output_kib=4)
BOTH = pytest.mark.parametrize("isolation", list(Isolation))


@pytest.fixture(autouse=True)
def bubblewrap():
    """The real thing: CI installs it; a machine without it shows the skip."""
    try:
        require(Isolation.NAMESPACES)
    except GristmillError as error:
        pytest.skip(str(error))


def run(code, isolation=Isolation.NAMESPACES, limits=LIMITS, **files):
    return execute({"main.py": code, **files}, "main.py", limits, isolation)


def environment_of(process):
    try:
        return process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return {}


@BOTH
def test_program_with_a_file_beside_it_prints_and_exits(isolation):
    done = run(
        "import other, sys\nprint(other.double(21))\nprint('é', file=sys.stderr)\nsys.exit(3)",
        isolation,
        **{"other.py": "def double(n): return 2 * n"},
    )

    assert (done.ending, done.status, done.stdout, done.stderr) == (Ending.EXITED, 3, "42\n", "é\n")
    assert not done.passed


def test_exception_gives_its_traceback_and_status_one():
    done = run("raise ValueError('boom')")

    assert (done.ending, done.status) == (Ending.EXITED, 1)
    assert done.stderr.endswith("ValueError: boom\n")


@pytest.mark.parametrize("path", ["/etc/passwd", "/home", "/tmp", str(Path(__file__).resolve()), "/root/.ssh"])
def test_file_of_the_host_is_not_there(path):
    done = run(f"import os\nprint(os.path.lexists({path!r}))")

    assert done.stdout == "False\n"


def test_packages_of_the_virtual_environment_are_not_there():
    done = run(
        "import sys, pathlib\nprint([p for p in sys.path if (pathlib.Path(p) / 'gristmill').exists()])\nimport psutil"
    )

    assert done.stdout == "[]\n"
    assert "ModuleNotFoundError" in done.stderr


def test_environment_of_the_host_is_not_there(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")

    done = run("import os\nprint(dict(os.environ), open('/proc/1/environ').read())")

    assert done.status == 0
    assert "planted" not in done.stdout


def test_socket_reaches_nobody():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)")

    assert done.status == 1
    assert "ConnectionRefusedError" in done.stderr


@pytest.mark.parametrize(
    "place", ["/main.py", "/usr/lib/planted", "/proc/sys/kernel/hostname", "/proc/self/oom_score_adj", "/dev/planted"]
)
def test_write_outside_the_scratch_directory_fails(place):
    done = run(f"open({place!r}, 'w').write('1')")

    assert done.status == 1
    assert "OSError" in done.stderr or "PermissionError" in done.stderr
    assert not Path("/usr/lib/planted").exists()


def test_disk_is_bounded_in_all_and_by_file():
    many = run("for i in range(99):\n    open(str(i), 'wb').write(bytes(1 << 20))")
    one = run("open('big', 'wb').write(bytes(6 << 20))")

    assert "No space left on device" in many.stderr
    assert "File too large" in one.stderr or one.ending is Ending.KILLED


def test_processes_without_end_are_ended():
    done = run("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass")

    assert not done.passed
    assert done.ending in (Ending.TOO_MANY_PROCESSES, Ending.KILLED, Ending.TIMED_OUT)
    assert [p.pid for p in psutil.process_iter() if "GRISTMILL_CODE_RUN" in environment_of(p)] == []


def test_memory_is_bounded():
    assert "MemoryError" in run("x = bytearray(1 << 30)").stderr


def test_endless_loop_is_ended_by_processor_time():
    limits = replace(LIMITS, seconds=60)  # a loaded machine gives it little of its processor
    assert run("while True: pass", limits=limits).ending is Ending.KILLED


def test_sleeper_is_ended_by_the_clock():
    done = run("import time\nprint('here', flush=True)\ntime.sleep(60)", limits=Limits(seconds=1))

    assert (done.ending, done.status, done.stdout) == (Ending.TIMED_OUT, None, "here\n")


@BOTH
def test_output_without_end_is_cut_off_and_ended(isolation):
    done = run("import os\nwhile True: os.write(1, b'x' * 4096)", isolation)

    assert done.ending is Ending.TOO_MUCH_OUTPUT
    assert len(done.stdout) == 4096


@BOTH
def test_child_that_lets_go_of_its_parent_does_not_outlive_it(isolation):
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.close(1)\n    os.close(2)\n    time.sleep(97531)"
    )
    done = run(code, isolation)

    assert done.ending is Ending.EXITED
    assert [p.pid for p in psutil.process_iter() if "GRISTMILL_CODE_RUN" in environment_of(p)] == []


def test_new_user_namespace_is_refused_inside():
    clone_newuser = 0x10000000
    done = run(f"import ctypes\nprint(ctypes.CDLL(None).unshare({clone_newuser}))")

    assert done.stdout == "-1\n"


def test_file_name_with_a_folder_is_refused():
    with pytest.raises(ValueError, match="plain names"):
        execute({"../main.py": ""}, "../main.py", LIMITS)
