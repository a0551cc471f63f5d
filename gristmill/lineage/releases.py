"""The releases that this clone knows: annotated tags `dataset@vX.Y.Z` on the `datasets` branch.

A tag's message names the manifest and its hashes; the commit under it holds the manifest itself
and the card (`release/`), so that a wiped store gets the very same bytes back.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.layout import Layout
from gristmill.lineage import git

MANIFEST = "release/manifest.json"
CARD = "release/README.md"
"""Where the commit keeps the published manifest and card, relative to the workspace."""
_PREFIX = "dataset@"
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Identity:
    """What makes two releases the same: the published content, and everything that DVC holds of it."""

    content_hash: str
    outs_hash: str


@dataclass(frozen=True)
class Recorded:
    """A release as its tag tells it."""

    tag: str
    version: str
    rows: int
    identity: Identity
    manifest: str
    """The manifest's `s3://` address."""
    manifest_sha256: str

    @property
    def content_hash(self) -> str:
        """Hash of the published content."""
        return self.identity.content_hash


def releases(layout: Layout, remote: str | None = None) -> list[Recorded]:
    """The releases reachable from the `datasets` branch (ours, or the remote's) or from HEAD, oldest first."""
    known = {
        release.tag: release for head in git.release_heads(layout.root, remote) for release in _below(layout, head)
    }
    return sorted(known.values(), key=lambda release: order(release.version))


def latest_release(layout: Layout, remote: str | None = None) -> Recorded | None:
    """The newest of them."""
    found = releases(layout, remote)
    return found[-1] if found else None


def current_releases(layout: Layout, remote: str | None = None) -> list[Recorded]:
    """The newest release on the branch here, on the remote's, and below HEAD: where this clone may stand."""
    newest = [_below(layout, head)[-1:] for head in git.release_heads(layout.root, remote)]
    return list(dict.fromkeys(release for found in newest for release in found))


def read_recorded(layout: Layout, release: Recorded, path: str) -> bytes | None:
    """A file as the release's commit has it, or None."""
    return git.read_file(layout.root, f"refs/tags/{release.tag}", path)


def read_manifest(layout: Layout, release: Recorded) -> dict[str, Any] | None:
    """The manifest that the release's commit holds."""
    content = read_recorded(layout, release, MANIFEST)
    return None if content is None else json.loads(content)


def all_versions(root: Path) -> list[str]:
    """Versions of every release tag in the repository, wherever it hangs: none of them is free."""
    names = git.tag_names(root, f"{_PREFIX}v*")
    return [name.removeprefix(_PREFIX) for name in names if is_version(name.removeprefix(_PREFIX))]


def tag_of(version: str) -> str:
    """GTO's form, which `dvc artifacts get` reads."""
    return f"{_PREFIX}{version}"


def message_of(release: Recorded) -> str:
    """The tag's message, which `releases` reads again."""
    return (
        f"Data set {release.version}: {release.rows:,} rows\n\n"
        f"rows: {release.rows}\n"
        f"content-hash: {release.identity.content_hash}\n"
        f"outs-hash: {release.identity.outs_hash}\n"
        f"manifest: {release.manifest}\n"
        f"manifest-sha256: {release.manifest_sha256}\n"
    )


def is_version(text: str) -> bool:
    """Whether it is `vX.Y.Z`."""
    return _VERSION.fullmatch(text) is not None


def order(version: str) -> tuple[int, ...]:
    """Sort key of a version."""
    found = _VERSION.fullmatch(version)
    assert found, f"{version} is not a version"
    return tuple(int(part) for part in found.groups())


def next_version(taken: list[str]) -> str:
    """The minor version after the newest one; v0.1.0 is the first."""
    major, minor, _ = max((order(version) for version in taken), default=(0, 0, 0))
    return f"v{major}.{minor + 1}.0"


def _below(layout: Layout, commit: str) -> list[Recorded]:
    """Releases reachable from the commit, oldest first."""
    found = git.tags(layout.root, f"{_PREFIX}v*", commit)
    known = [release for tag, message in found.items() if (release := _parse(tag, message))]
    return sorted(known, key=lambda release: order(release.version))


def _parse(tag: str, message: str) -> Recorded | None:
    """The release; None for a tag that has the form of ours but somebody else's message."""
    facts = dict(re.findall(r"^([a-z0-9-]+): (\S+)$", message, re.MULTILINE))
    version = tag.removeprefix(_PREFIX)
    needed = {"rows", "content-hash", "outs-hash", "manifest", "manifest-sha256"}
    if not is_version(version) or not needed <= facts.keys():
        return None
    identity = Identity(facts["content-hash"], facts["outs-hash"])
    return Recorded(tag, version, int(facts["rows"]), identity, facts["manifest"], facts["manifest-sha256"])
