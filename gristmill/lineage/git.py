"""Git as the record of releases, without touching the user's branch, index or work tree.

The work tree's state is written as a commit through an index of our own, and branch and tag are
set in one transaction of refs: either both stand or neither.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import GristmillError

BRANCH = "datasets"
_NAME, _EMAIL = "Gristmill", "gristmill@localhost"
_REMOTE_SECONDS = 300
_LOCATIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")


class GitError(GristmillError):
    """Git said no."""


@dataclass(frozen=True)
class Repository:
    """The repository around a workspace."""

    root: Path
    """The workspace, which may be a folder of the repository."""
    head: str
    prefix: str
    """The workspace's path within the repository, with a slash at its end; empty at the top."""


def head(root: Path) -> str | None:
    """The commit that is checked out; None without a repository or a commit."""
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").strip()
    except GitError:
        return None


def git(root: Path, *arguments: str, env: Mapping[str, str] | None = None, seconds: float | None = None) -> str:
    """What git says in the repository at `root`. Raises GitError."""
    return _git(root, *arguments, env=env, seconds=seconds)


def open_repository(root: Path) -> Repository:
    """The repository around `root`. Raises GitError: no git, no repository, no commit, or `datasets` checked out."""
    try:
        prefix = _git(root, "rev-parse", "--show-prefix").strip()
    except GitError as error:
        raise GitError(
            f"a release is recorded in git, and there is no usable repository ({error.problem.found})",
            where=str(root),
            do='make one: `git init && git add -A && git commit -m "Start"`',
        ) from None
    commit = head(root)
    if commit is None:
        raise GitError(
            "a release is recorded on top of a commit, and there is none yet",
            where=str(root),
            do='commit the code: `git add -A && git commit -m "Start"`',
        )
    if _try(root, "symbolic-ref", "--quiet", "HEAD") == f"refs/heads/{BRANCH}":
        raise GitError(
            f"the branch `{BRANCH}` is checked out; a release moves it",
            where=str(root),
            do="go to your code's branch first, for instance `git switch main`, or `git switch --detach`",
        )
    return Repository(root, commit, prefix)


def resolve(root: Path, ref: str) -> str | None:
    """The commit that `ref` names, or None."""
    return _try(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")


def release_heads(root: Path, remote: str | None) -> list[str]:
    """Commits under which releases hang: the `datasets` branch here, the remote's as last fetched, and HEAD."""
    refs = [f"refs/heads/{BRANCH}", f"refs/remotes/{remote or 'origin'}/{BRANCH}", "HEAD"]
    return list(dict.fromkeys(commit for ref in refs if (commit := resolve(root, ref))))


def branch_head(root: Path, remote: str | None) -> str | None:
    """The commit that a release goes on from: the `datasets` branch here, or the remote's where that is ahead."""
    local = resolve(root, f"refs/heads/{BRANCH}")
    theirs = resolve(root, f"refs/remotes/{remote or 'origin'}/{BRANCH}")
    return theirs if theirs and (local is None or _is_ancestor(root, local, theirs)) else local


def tags(root: Path, pattern: str, merged: str) -> dict[str, str]:
    """Messages of the annotated tags that match and are reachable from the commit."""
    form = "--format=%(refname:strip=2)%00%(contents)%01"
    listed = _git(root, "for-each-ref", form, f"--merged={merged}", f"refs/tags/{pattern}")
    entries = (part.lstrip("\n").partition("\0") for part in listed.split("\1"))
    return {name: message for name, _, message in entries if name}


def tag_names(root: Path, pattern: str) -> list[str]:
    """Names of all tags that match, wherever they hang."""
    return _git(root, "for-each-ref", "--format=%(refname:strip=2)", f"refs/tags/{pattern}").split()


def read_file(root: Path, commit: str, path: str) -> bytes | None:
    """The file as the commit has it; `path` is relative to the workspace. None when it is not there."""
    done = _run(root, ["show", f"{commit}:./{path}"])
    return done.stdout if done.returncode == 0 else None


def changed_files(root: Path) -> list[str]:
    """Files that differ from HEAD, or are neither tracked nor ignored; relative to the workspace."""
    lines = _git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", ".").split("\0")
    prefix = _git(root, "rev-parse", "--show-prefix").strip()
    return [line[3:].removeprefix(prefix) for line in lines if line]


def untracked_below(root: Path, path: str) -> list[str]:
    """Files at or below `path` that are neither tracked nor ignored."""
    return [
        name for name in _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", path).split("\0") if name
    ]


def write_commit(
    repository: Repository, parents: Sequence[str], files: Sequence[str], blobs: Mapping[str, bytes], message: str
) -> str:
    """A commit of the work tree: tracked files as they are now, `files` even if ignored, `blobs` from memory."""
    root = repository.root
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        users = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-path", "index").strip())
        if users.exists():
            shutil.copyfile(users, index)
        environment = {"GIT_INDEX_FILE": str(index)}
        if not users.exists():
            _git(root, "read-tree", "HEAD", env=environment)
        _git(root, "add", "--update", "--", ":/", env=environment)
        if files:
            _git(root, "add", "--force", "--", *files, env=environment)
        for path, content in blobs.items():
            blob = _git(root, "hash-object", "-w", "--stdin", stdin=content).strip()
            place = f"100644,{blob},{repository.prefix}{path}"
            _git(root, "update-index", "--add", "--cacheinfo", place, env=environment)
        tree = _git(root, "write-tree", env=environment).strip()
    over = [argument for parent in parents for argument in ("-p", parent)]
    return _git(root, "commit-tree", tree, *over, stdin=message.encode(), env=_identity(root)).strip()


def set_branch_and_tag(root: Path, commit: str, tag: str, message: str) -> None:
    """Moves `datasets` to the commit and makes the annotated tag, both or neither."""
    tagger = _git(root, "var", "GIT_COMMITTER_IDENT", env=_identity(root)).strip()
    content = f"object {commit}\ntype commit\ntag {tag}\ntagger {tagger}\n\n{message}"
    made = _git(root, "mktag", stdin=content.encode()).strip()
    former = resolve(root, f"refs/heads/{BRANCH}") or "0" * len(commit)
    orders = f"start\nupdate refs/heads/{BRANCH} {commit} {former}\ncreate refs/tags/{tag} {made}\nprepare\ncommit\n"
    _git(root, "update-ref", "-m", f"gristmill release {tag}", "--stdin", stdin=orders.encode())


def fetch_releases(root: Path, remote: str) -> None:
    """Brings the remote's `datasets` branch and its release tags, if it has them."""
    if _remote(root, remote, "ls-remote", "--heads", remote, f"refs/heads/{BRANCH}").strip():
        branch = f"+refs/heads/{BRANCH}:refs/remotes/{remote}/{BRANCH}"
        _remote(root, remote, "fetch", "--no-write-fetch-head", remote, branch)


def push_releases(root: Path, remote: str, names: Sequence[str]) -> None:
    """Pushes the `datasets` branch, unless the remote's is ahead of it, and the tags; what is there costs nothing."""
    local, theirs = resolve(root, f"refs/heads/{BRANCH}"), resolve(root, f"refs/remotes/{remote}/{BRANCH}")
    behind = local is None or (theirs is not None and _is_ancestor(root, local, theirs))
    if local and theirs and not behind and not _is_ancestor(root, theirs, local):
        _join(root, local, theirs)
    refs = [*([] if behind else [f"refs/heads/{BRANCH}"]), *(f"refs/tags/{name}" for name in names)]
    if refs:
        _remote(root, remote, "push", "--atomic", remote, *refs)


def _join(root: Path, local: str, theirs: str) -> None:
    """Two clones released at once: the branch goes on from both, with what this one released."""
    message = f"Join the releases of another clone with those up to {local}".encode()
    over = ["-p", local, "-p", theirs]
    joined = _git(root, "commit-tree", f"{local}^{{tree}}", *over, stdin=message, env=_identity(root)).strip()
    _git(root, "update-ref", f"refs/heads/{BRANCH}", joined, local)


def _remote(root: Path, remote: str, *arguments: str) -> str:
    try:
        return _git(root, *arguments, env={"GIT_TERMINAL_PROMPT": "0"}, seconds=_REMOTE_SECONDS)
    except GitError as error:
        raise GitError(
            f"the git remote `{remote}` could not be used: {error.problem.found}",
            where="release.git_remote",
            do=f"see that `git push {remote} {BRANCH}` works here (`git remote -v`; after another clone's release"
            f" `git fetch {remote}`), then run `gristmill release` again: it goes on where this one stopped",
        ) from None


def _is_ancestor(root: Path, old: str, new: str) -> bool:
    return _run(root, ["merge-base", "--is-ancestor", old, new]).returncode == 0


def _identity(root: Path) -> dict[str, str]:
    """Nothing where the user has a name configured; else ours, through the environment."""
    if _run(root, ["-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]).returncode == 0:
        return {}
    return {
        "GIT_AUTHOR_NAME": _NAME,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_COMMITTER_NAME": _NAME,
        "GIT_COMMITTER_EMAIL": _EMAIL,
    }


def _try(root: Path, *arguments: str) -> str | None:
    """The command's answer, or None when it has none."""
    done = _run(root, list(arguments))
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _git(
    root: Path,
    *arguments: str,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> str:
    done = _run(root, list(arguments), stdin=stdin, env=env, seconds=seconds)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(f"`git {arguments[0]}` failed: {said or f'exit status {done.returncode}'}", where=str(root))
    return done.stdout.decode()


def _run(
    root: Path,
    arguments: Sequence[str],
    *,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in _LOCATIONS}
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(
            command,
            check=False,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env={**environment, "LC_ALL": "C", **(env or {})},
            timeout=seconds,
        )
    except FileNotFoundError:
        raise GitError("git is not installed", do="install git: releases are recorded in it") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"`git {arguments[0]}` did not answer within {seconds:.0f} s", where=str(root)) from None
