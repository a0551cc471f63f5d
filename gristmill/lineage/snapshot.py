"""The work tree's state as a commit of the `datasets` branch.

Parents: the code's commit and the previous release. Tree: the code as it is now (a dirty tree is
recorded as it was, and marked so in the manifest), dvc.lock, inputs/, params.yaml, metrics/, and
the published manifest and card.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml

from gristmill.errors import InputError
from gristmill.layout import Layout
from gristmill.lineage import git
from gristmill.lineage.releases import Recorded, message_of

_MADE = ("inputs/*.lock", "metrics/*.json", "metrics/**/*.json")
_RUN_FILES = ("dvc.lock", "inputs/", "metrics/", "release/", "release.json")
"""What runs and releases write: in a clone at a release's tag git tracks these, and their change is no dirt."""


@dataclass(frozen=True)
class CodeState:
    """Which code made a release."""

    commit: str | None
    dirty: bool
    """Tracked files differ from the commit, or files lie about that are neither tracked nor ignored."""
    params_changed: bool
    """params.yaml differs from the commit's; the release holds the one that was used."""


def code_state(layout: Layout) -> CodeState:
    """The state of the work tree against the commit that is checked out."""
    changed = _changed(layout)
    params = layout.params.name
    return CodeState(git.head(layout.root), any(path != params for path in changed), params in changed)


def require_committed(layout: Layout) -> None:
    """Raises InputError when code in the work tree is not committed, naming the files. params.yaml may differ."""
    changed = [path for path in _changed(layout) if path != layout.params.name]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise InputError(
            f"not committed: {', '.join(changed[:5])}{more}",
            where=str(layout.root),
            expected="committed code: a run by the clock must be told apart by its commit",
            do="commit or remove these files; a run by hand takes them as they are and marks its release",
        )


def record(
    repository: git.Repository, layout: Layout, release: Recorded, published: Mapping[str, bytes], remote: str | None
) -> None:
    """Commits the state, with what was `published` (path -> content), and tags it; branch and tag appear together."""
    previous = git.branch_head(layout.root, remote)
    parents = list(dict.fromkeys(filter(None, [repository.head, previous])))
    message = message_of(release)
    commit = git.write_commit(repository, parents, _files(layout), published, message)
    git.set_branch_and_tag(layout.root, commit, release.tag, message)


def _changed(layout: Layout) -> list[str]:
    """Files of the work tree that differ from the commit, but for those that runs and releases write."""
    return [path for path in git.changed_files(layout.root) if not path.startswith(_RUN_FILES)]


def _files(layout: Layout) -> list[str]:
    """What the release holds beside tracked files: what the run made, and what dvc.lock depends on."""
    made = [path.relative_to(layout.root).as_posix() for pattern in _MADE for path in layout.root.glob(pattern)]
    return sorted({"dvc.lock", layout.params.name, *made, *_untracked_dependencies(layout)})


def _untracked_dependencies(layout: Layout) -> Iterable[str]:
    """Files that dvc.lock names as dependencies, are no stage's out, and git does not track."""
    lock: dict[str, Any] = yaml.safe_load((layout.root / "dvc.lock").read_text())["stages"]
    outs = [PurePosixPath(out["path"]) for stage in lock.values() for out in stage.get("outs", [])]
    for path in {dep["path"] for stage in lock.values() for dep in stage.get("deps", [])}:
        if not any(PurePosixPath(path).is_relative_to(out) for out in outs):
            yield from git.untracked_below(layout.root, path)
