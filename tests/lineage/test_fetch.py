import subprocess
from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.layout import Layout
from gristmill.lineage.fetch import fetch
from gristmill.lineage.process import run_dvc
from gristmill.params.ingest import Source
from gristmill.seeds.cache import SourceCache


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A repository with two commits, `v1` at the first."""
    folder = tmp_path / "upstream"
    (folder / "docs").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "docs" / "a.md").write_text("first")
    (folder / "docs" / "picture.png").write_bytes(b"png")
    (folder / "docs" / "link.md").symlink_to("/etc/passwd")
    commit(folder, "one")
    git(folder, "tag", "v1")
    (folder / "docs" / "a.md").write_text("second")
    commit(folder, "two")
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


def contents(tmp_path: Path, upstream: Path, **about: str) -> dict[str, str]:
    layout = Layout(tmp_path / "workspace")
    source = Source.model_validate({"name": "s", "kind": "git", "url": str(upstream), "path": "docs", **about})
    held = fetch(source, layout)
    assert held.commit == git(upstream, "rev-parse", f"{about.get('rev', 'HEAD')}^{{commit}}")
    cache = SourceCache(layout)
    return {file.address.rsplit(":", 1)[1]: cache.path(file.sha256).read_text() for file in held.files}


def test_git_folder_at_a_revision_gives_its_plain_files(tmp_path: Path, upstream: Path) -> None:
    assert contents(tmp_path, upstream, rev="v1") == {"docs/a.md": "first"}
    assert contents(tmp_path, upstream) == {"docs/a.md": "second"}
    assert contents(tmp_path, upstream, path="docs/*.p?g") == {"docs/picture.png": "png"}


def test_git_branch_that_moved_is_followed(tmp_path: Path, upstream: Path) -> None:
    assert contents(tmp_path, upstream, rev="main") == {"docs/a.md": "second"}
    (upstream / "docs" / "a.md").write_text("third")
    commit(upstream, "three")

    assert contents(tmp_path, upstream, rev="main") == {"docs/a.md": "third"}


@pytest.mark.parametrize(
    ("about", "said"),
    [({"rev": "v9"}, "no revision 'v9'"), ({"path": "nothing"}, "matches no file at"), ({"url": "/nowhere"}, "failed")],
)
def test_git_what_is_not_there_is_said(tmp_path: Path, upstream: Path, about: dict[str, str], said: str) -> None:
    source = Source.model_validate({"name": "s", "kind": "git", "url": str(upstream), "path": "docs", **about})

    with pytest.raises(InputError, match=said):
        fetch(source, Layout(tmp_path / "workspace"))


def test_dvc_tracked_folder_at_a_revision_comes_out_of_its_cache(tmp_path: Path, upstream: Path) -> None:
    run_dvc(upstream, ["init", "--quiet"])
    (upstream / "data").mkdir()
    (upstream / "data" / "rows.jsonl").write_text('{"text": "one"}')
    run_dvc(upstream, ["add", "--quiet", "data"])
    commit(upstream, "data")
    git(upstream, "tag", "d1")
    (upstream / "data" / "rows.jsonl").write_text('{"text": "two"}')
    run_dvc(upstream, ["add", "--quiet", "data"])
    commit(upstream, "more data")

    assert contents(tmp_path, upstream, kind="dvc", path="data", rev="d1") == {"data/rows.jsonl": '{"text": "one"}'}
    assert contents(tmp_path, upstream, kind="dvc", path="data/*.jsonl") == {"data/rows.jsonl": '{"text": "two"}'}
