"""What a stage stands on by dvc.yaml, its data apart: parameters, recipes, pinned inputs, code.

DVC reads these after a stage has run and records them as what the data came from. Where one of
them changed in the meantime that would be wrong, so the stage must not pass.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gristmill.errors import InputError
from gristmill.layout import Layout, Stage
from gristmill.params.load import read_yaml

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_NOTHING = object()


def tracked_parameters(layout: Layout) -> list[str]:
    """Every dotted path that dvc.yaml tracks, once, in the order of the stages; none before there is a graph."""
    if not (layout.root / "dvc.yaml").exists():
        return []
    stages = read_yaml(layout.root / "dvc.yaml")["stages"].values()
    return list(dict.fromkeys(path for stage in stages for path in stage.get("params", [])))


def has(params: Mapping[str, Any], path: str) -> bool:
    """Whether params.yaml says something at that dotted path; DVC takes no default for an answer."""
    return _value(params, path) is not _NOTHING


def ground(layout: Layout, stage: Stage) -> dict[str, str]:
    """Each thing that the stage stands on, with a fingerprint of what it holds now."""
    params = read_yaml(layout.params)
    listed = read_yaml(layout.root / "dvc.yaml")["stages"][stage.value]
    found = {f"params.yaml: {path}": repr(_value(params, path)) for path in listed.get("params", [])}
    for dep in listed["deps"]:
        name = _REFERENCE.sub(lambda reference: str(_value(params, reference[1])), dep)
        if not name.startswith("data/"):
            found |= {file.relative_to(layout.root).as_posix(): _digest(file) for file in _files(layout.root / name)}
    return found


def require_unmoved(stage: Stage, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raises InputError with what changed between the two."""
    moved = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if moved:
        raise InputError(
            "changed while the stage ran: " + ", ".join(moved[:5]) + (f" and {len(moved) - 5} more" * (len(moved) > 5)),
            where=f"stage {stage.value}",
            do="run it again; answers of the model that still fit are in the journal",
        )


def _value(params: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(params, Mapping) or name not in params:
            return _NOTHING
        params = params[name]
    return params


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "no such file"
