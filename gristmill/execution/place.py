"""Where code runs: the command line that puts it behind namespaces, or a plain directory.

`namespaces` gives it user, mount, network, process, IPC and host-name spaces of its own by
bubblewrap: an empty root that holds the interpreter's libraries read-only, four devices, and a
scratch directory in memory. Nothing of the machine's /etc, /home or this project is there. /proc is read-only: whoever
starts us as root is the kernel's root in there too, and could set its parameters (core_pattern) otherwise.
"""

import inspect
import os
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from gristmill.errors import GristmillError
from gristmill.execution import inside
from gristmill.execution.limits import Limits
from gristmill.params.execution import Isolation

SCRATCH = "/scratch"
_NOBODY = "65534"
_DEVICES = ("null", "zero", "full", "urandom")
_URGENT = ["chrt", "--fifo", "1"]
_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_PARAMETER = "params.yaml: execution.isolation"


def require(isolation: Isolation) -> None:
    """Raises GristmillError when the machine can't keep code in as `isolation` says."""
    if isolation is Isolation.NAMESPACES and (fault := namespaces_fault()):
        raise GristmillError(
            f"code from a model can't be isolated here: {fault}",
            where=_PARAMETER,
            expected="bubblewrap, with user namespaces allowed",
            do="install it (`apt-get install bubblewrap`), or opt in to weaker limits by `isolation: limits_only`:"
            " then the code can read your files and use your network",
        )


@cache
def namespaces_fault() -> str:
    """Why bubblewrap can't be used here, found by trying; empty when it can."""
    if sys.platform != "linux":
        return f"it needs Linux, this is {sys.platform}"
    if shutil.which("bwrap") is None:
        return "the program `bwrap` is not on PATH"
    trial = command(["-c", "pass"], Limits(), Isolation.NAMESPACES)
    done = subprocess.run(trial, capture_output=True, text=True, timeout=30, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"bwrap ended with status {done.returncode}"


def command(arguments: list[str], limits: Limits, isolation: Isolation) -> list[str]:
    """The command line that runs Python with `arguments` under the limits; the code's files are in its directory."""
    isolated = isolation is Isolation.NAMESPACES
    numbers = (limits.cpu_seconds, limits.memory_mib, limits.processes, limits.file_mib, int(isolated))
    program = [_interpreter(), "-I", "-S", "-c", _source(), *map(str, numbers), "-I", "-B", *arguments]
    if not isolated:
        return program
    # The kernel does not hold root to a number of processes: whoever counts them must not be starved.
    return [*(_URGENT if os.geteuid() == 0 and _urgency_allowed() else []), *_walls(limits), *program]


def environment(isolation: Isolation, folder: str) -> dict[str, str]:
    """The code's whole environment: nothing of ours, where keys and tokens may stand."""
    home = SCRATCH if isolation is Isolation.NAMESPACES else folder
    return {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


def _walls(limits: Limits) -> list[str]:
    walls = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
    walls += ["--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox"]
    for folder in _readable():
        walls += ["--ro-bind", folder, folder]
    for device in _DEVICES:
        walls += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    walls += ["--proc", "/proc", "--size", str(limits.scratch_mib << 20), "--tmpfs", SCRATCH]
    return [*walls, "--chdir", SCRATCH, "--remount-ro", "/proc", "--remount-ro", "/", "--"]


@cache
def _urgency_allowed() -> bool:
    """Whether this machine lets root have real-time priority; found by trying."""
    if shutil.which(_URGENT[0]) is None:
        return False
    return subprocess.run([*_URGENT, "true"], capture_output=True, check=False).returncode == 0


@cache
def _readable() -> tuple[str, ...]:
    """The interpreter, its standard library and the system's shared libraries; without installed packages."""
    base = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), sys.base_prefix)
    paths = sysconfig.get_paths(vars=base)
    shared = sysconfig.get_config_var("LIBDIR") or ""
    wanted = [*_SYSTEM_LIBRARIES, paths["stdlib"], paths["platstdlib"], shared, _interpreter()]
    found = dict.fromkeys(path for path in wanted if path and Path(path).exists())
    return tuple(path for path in found if not any(_within(path, other) for other in found))


def _within(path: str, other: str) -> bool:
    return path != other and Path(other) in Path(path).parents


@cache
def _interpreter() -> str:
    """The real Python behind the virtual environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return os.path.realpath(base)


@cache
def _source() -> str:
    return inspect.getsource(inside)
