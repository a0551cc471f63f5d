"""Git as the record of releases: several clones, one remote."""

import subprocess
from pathlib import Path

import pytest

from gristmill.lineage import git
from gristmill.lineage.git import GitError


def run(root: Path, *arguments: str) -> str:
    named = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    return subprocess.run(
        ["git", "-C", str(root), *named, *arguments], check=True, capture_output=True, text=True
    ).stdout


def record(root: Path, tag: str) -> None:
    """A release on top of the code and the branch as this clone knows it."""
    repository = git.open_repository(root)
    former = git.branch_head(root, "origin")
    parents = [repository.head, *([former] if former else [])]
    commit = git.write_commit(repository, parents, [], {"release/name": tag.encode()}, tag)
    git.set_branch_and_tag(root, commit, tag, tag)


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    code = tmp_path / "code"
    run(tmp_path, "init", "--quiet", "-b", "main", str(code))
    (code / "params.yaml").write_text("{}\n")
    run(code, "add", "-A")
    run(code, "commit", "--quiet", "-m", "Start")
    run(tmp_path, "clone", "--quiet", "--bare", str(code), "remote.git")
    for name in ("one", "two"):
        run(tmp_path, "clone", "--quiet", "remote.git", name)
    return tmp_path / "one", tmp_path / "two"


def test_releases_of_two_clones_at_once_both_reach_the_remote(clones: tuple[Path, Path]) -> None:
    one, two = clones
    for clone, tag in ((one, "dataset@v0.1.0"), (two, "dataset@v0.2.0")):
        git.fetch_releases(clone, "origin")
        record(clone, tag)
    git.push_releases(one, "origin", ["dataset@v0.1.0"])
    with pytest.raises(GitError, match="the git remote `origin` could not be used"):
        git.push_releases(two, "origin", ["dataset@v0.2.0"])

    git.fetch_releases(two, "origin")
    git.push_releases(two, "origin", ["dataset@v0.2.0"])

    git.fetch_releases(one, "origin")
    theirs = "refs/remotes/origin/datasets"
    assert sorted(git.tags(one, "dataset@v*", theirs)) == ["dataset@v0.1.0", "dataset@v0.2.0"]
    assert run(one, "show", f"{theirs}:release/name") == "dataset@v0.2.0"
    record(one, "dataset@v0.3.0")
    git.push_releases(one, "origin", ["dataset@v0.3.0"])
    assert "refs/tags/dataset@v0.3.0" in run(one, "ls-remote", "origin")
