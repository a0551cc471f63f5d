"""The data graph as DVC sees it: its stages, what is stale, running one, and the remote behind the cache."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configobj import ConfigObj  # type: ignore[import-untyped]

from gristmill.errors import BudgetExhausted, GateRefused, GristmillError, InputError
from gristmill.frame.progress import Snapshot, clear_progress, read_progress
from gristmill.layout import Layout, Stage
from gristmill.lineage.manifest import locked_outs, sha256_of_file
from gristmill.lineage.process import DvcError, explain, run_dvc, stream_dvc
from gristmill.params.load import read_yaml
from gristmill.store.client import Store
from gristmill.store.state import ACCESS_KEY_PREFIX, write_private

_SECTION = 'remote "store"'
_KEYS = ("access_key_id", "secret_access_key")


@dataclass(frozen=True)
class StageResult:
    """What became of a stage: `ran`, or left alone because nothing had changed (or taken from DVC's run cache)."""

    stage: str
    ran: bool


class StageFailed(GristmillError):
    """A stage failed; the message is its own, and so is the exit code."""

    def __init__(self, found: str, *, where: str, exit_code: int) -> None:
        super().__init__(found, where=where)
        self.exit_code = exit_code


def stages(layout: Layout) -> list[str]:
    """The stages' names in the order of dvc.yaml."""
    return list(read_yaml(layout.root / "dvc.yaml")["stages"])


def status(layout: Layout) -> dict[str, list[str]]:
    """Stale stages, each with its reasons; empty when everything is up to date."""
    answer: dict[str, list[Any]] = json.loads(run_dvc(layout.root, ["status", "--json"]) or "{}")
    return {stage: [reason for change in changes for reason in _reasons(change)] for stage, changes in answer.items()}


def run_stage(
    layout: Layout,
    stage: Stage | str,
    on_line: Callable[[str], None],
    on_progress: Callable[[Snapshot], None] = lambda _: None,
) -> StageResult:
    """`dvc repro --single-item`: runs the stage if it is stale, after whoever holds DVC's lock.

    Raises GateRefused (the gate said no), InputError, BudgetExhausted, StageFailed with the stage's own
    message, or DvcError.
    An exception in this thread ends the stage and its engine before it goes on.
    """
    name = str(stage)
    progress = layout.state / "progress" / f"{name}.json"
    clear_progress(progress)
    watcher = _Watcher(progress, on_progress)
    arguments = ["--wait-for-lock", "repro", "--single-item", name]
    code, lines = stream_dvc(layout.root, arguments, on_line, watcher.look)
    if code != 0:
        raise _failure(layout, name, lines)
    return StageResult(name, f"Running stage '{name}':" in lines)


def push(layout: Layout, store: Store) -> None:
    """`dvc push` to the remote `store`, then what DVC takes for granted.

    Where a folder's list of files is in the remote, DVC believes that the files are; after a loss
    in part they are not. They lie in the remote as they lie in the cache.
    """
    run_dvc(layout.root, ["--wait-for-lock", "push", "--remote", "store"], env=_remote_environment(store))
    missing = _missing_objects(layout, store)
    if missing:
        cache = layout.root / run_dvc(layout.root, ["cache", "dir"]).strip()
        for key in missing:
            path = cache / key
            store.put_file(path, f"dvc/{key}", sha256_of_file(path))


def _missing_objects(layout: Layout, store: Store) -> list[str]:
    """Objects that the outs need and the remote lacks, as paths within the remote and the cache."""
    held = {head.key.removeprefix("dvc/") for head in store.list("dvc/files/md5/")}
    wanted = {_object(out["md5"]) for out in locked_outs(layout)}
    for folder in [key for key in wanted if key.endswith(".dir")]:
        wanted |= {_object(file["md5"]) for file in json.loads(store.get_bytes(f"dvc/{folder}"))}
    return sorted(wanted - held)


def _object(md5: str) -> str:
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def configure_remote(layout: Layout, store: Store) -> bool:
    """Points this clone's DVC remote at the store, in `.dvc/config.local`; other entries there stay. True if changed.

    The embedded store's keys go there too; other stores are reached through AWS's standard chain.
    """
    folder = layout.root / ".dvc"
    if not folder.is_dir():
        raise explain(layout.root, "remote", "not inside of a DVC repository")
    path = folder / "config.local"
    config = ConfigObj(path.read_text().splitlines() if path.exists() else [], interpolation=False)
    present = dict(config.get(_SECTION, {}))
    wanted = _remote_section(present, store)
    if present == wanted and path.stat().st_mode & 0o077 == 0:
        return False
    config[_SECTION] = wanted
    write_private(path, "\n".join(config.write()) + "\n")
    return True


def _remote_section(present: Mapping[str, str], store: Store) -> dict[str, str]:
    """The remote's settings: a user's own ones are kept, unless they are an embedded store's."""
    stale_keys = str(present.get("access_key_id", "")).startswith(ACCESS_KEY_PREFIX)
    ours = {"url", "endpointurl", "region", *(_KEYS if stale_keys or store.credentials else ())}
    kept = {name: value for name, value in present.items() if name not in ours}
    wanted = {"url": store.address("dvc"), "region": store.region}
    if store.endpoint:
        wanted["endpointurl"] = store.endpoint
    if store.credentials:
        wanted["access_key_id"] = store.credentials.access_key
        wanted["secret_access_key"] = store.credentials.secret_key
    return {**wanted, **kept}


def _remote_environment(store: Store) -> dict[str, str | None]:
    """On loopback neither a proxy nor an AWS profile of the environment has a say."""
    if store.credentials is None:
        return {}
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
    return {"NO_PROXY": direct, "no_proxy": direct, "AWS_PROFILE": None, "AWS_DEFAULT_PROFILE": None}


class _Watcher:
    """Passes a stage's progress on when it has changed."""

    def __init__(self, path: Path, on_progress: Callable[[Snapshot], None]) -> None:
        self._path = path
        self._tell = on_progress
        self._last: Snapshot | None = None

    def look(self) -> None:
        """Reads the file once."""
        now = read_progress(self._path)
        if now is not None and now != self._last:
            self._last = now
            self._tell(now)


def _reasons(change: Any) -> list[str]:
    """DVC's words: `{"changed deps": {"params.yaml": "modified"}}` or `"changed command"`."""
    if isinstance(change, str):
        return [change]
    return [f"{kind}: {path} {_state(state)}" for kind, paths in change.items() for path, state in paths.items()]


def _state(state: Any) -> str:
    """`modified`, or for parameters the names of those that changed."""
    return state if isinstance(state, str) else ", ".join(f"{name} {what}" for name, what in state.items())


def _failure(layout: Layout, name: str, lines: Sequence[str]) -> GristmillError:
    """The stage's own error if it ran and failed; else DVC's."""
    output = "\n".join(lines)
    exited = re.search(r"failed to run: .*, exited with (-?\d+)", output)
    if exited is None:
        return explain(layout.root, f"repro {name}", output)
    code = int(exited[1])
    said = _last_error(lines) or f"it exited with {code}; its last lines:\n{_tail(lines)}"
    if code == GateRefused.exit_code:
        return GateRefused(said, where=f"stage {name}")
    if code == InputError.exit_code:
        return InputError(said, where=f"stage {name}")
    if code == BudgetExhausted.exit_code:
        return BudgetExhausted(said, where=f"stage {name}")
    return StageFailed(said, where=f"stage {name}", exit_code=code if code > 0 else 1)


def _last_error(lines: Sequence[str]) -> str | None:
    """The last `error: ...` line with the indented lines that explain it."""
    starts = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if not starts:
        return None
    block = [lines[starts[-1]].removeprefix("error: ")]
    for line in lines[starts[-1] + 1 :]:
        if line.startswith("ERROR: ") or not line.strip():
            break
        block.append(line)
    return "\n".join(block)


def _tail(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in [line for line in lines if line.strip()][-10:])


__all__ = [
    "DvcError",
    "StageFailed",
    "StageResult",
    "configure_remote",
    "push",
    "run_stage",
    "stages",
    "status",
]
