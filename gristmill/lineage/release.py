"""`gristmill release`: what the graph made becomes a version, on S3, in the DVC remote and in git.

    shards, card -> manifest (only if absent) -> dvc push -> commit and tag -> git push -> latest.json -> release.json

Readers start from latest.json, so it moves when everything that it leads to is in its place.
Every step looks first and brings only what is missing. So a run after a crash between any two
steps finishes the same version, a wiped or different store is filled again, and a release of
what is released already changes nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import GristmillError
from gristmill.frame.lock import exclusive
from gristmill.layout import Layout
from gristmill.lineage import dvc, git, snapshot
from gristmill.lineage import manifest as manifests
from gristmill.lineage.manifest import Export
from gristmill.lineage.publish import (
    Draft,
    Published,
    point_latest,
    publish_version,
    restore_earlier,
    upload_shards,
)
from gristmill.lineage.releases import CARD, MANIFEST, Identity, Recorded, releases, tag_of
from gristmill.params.root import Params
from gristmill.store.client import Store, connect
from gristmill.store.state import write_private


@dataclass(frozen=True)
class Release:
    """A version: `url` is its manifest's `s3://` address; `new` when this run recorded it."""

    url: str
    version: str
    tag: str
    rows: int
    new: bool


def release(layout: Layout, params: Params) -> Release:
    """Publishes and records what the graph made; the same content gives the same version.

    Raises GristmillError, with nothing published, when the graph is not up to date, the gate said
    no, or nothing was exported.
    """
    with exclusive(layout.state / "locks" / "release.lock", "the release of this clone"):
        repository = git.open_repository(layout.root)
        remote = params.release.git_remote
        export = check(layout)
        if remote:
            git.fetch_releases(layout.root, remote)
        store = connect(params.store)
        dvc.configure_remote(layout, store)
        identity = Identity(export.manifest["content_hash"], manifests.outs_hash(layout))
        draft = Draft(layout, store, export, identity, remote)
        upload_shards(store, export)
        published = publish_version(draft)
        restore_earlier(draft)
        push_data(layout, store)
        new = record(repository, draft, published)
        if remote:
            push_git(layout, remote)
        point_latest(store, published)
        return write_record(draft, published, new)


def check(layout: Layout) -> Export:
    """The export. Raises GristmillError unless it is complete, allowed and up to date."""
    manifests.check_gate(layout)
    export = manifests.read_export(layout)
    stale = dvc.status(layout)
    if stale:
        raise GristmillError(
            "the graph is not up to date: " + "; ".join(f"{stage} ({reasons[0]})" for stage, reasons in stale.items()),
            where="dvc status",
            do="run `gristmill run`, or `dvc repro` and then `gristmill release`",
        )
    return export


def push_data(layout: Layout, store: Store) -> None:
    """Brings every data set of the graph into the DVC remote."""
    dvc.push(layout, store)


def record(repository: git.Repository, draft: Draft, published: Published) -> bool:
    """Commit on `datasets` and tag, unless they stand already; True when this made them."""
    tag = tag_of(published.version)
    if any(known.tag == tag for known in releases(draft.layout, draft.remote)):
        return False
    manifest = json.loads(published.content)
    known = Recorded(
        tag,
        published.version,
        manifest["rows"],
        draft.identity,
        manifest["address"],
        manifests.sha256_of(published.content),
    )
    files = {MANIFEST: published.content, CARD: manifests.published_card(draft.export, draft.store)}
    snapshot.record(repository, draft.layout, known, files, draft.remote)
    return True


def push_git(layout: Layout, remote: str) -> None:
    """Pushes the branch and every release tag on it: also those whose push failed before."""
    git.push_releases(layout.root, remote, [known.tag for known in releases(layout, remote)])


def write_record(draft: Draft, published: Published, new: bool) -> Release:
    """release.json at the top of the work tree, for scripts; written last."""
    manifest: Mapping[str, Any] = json.loads(published.content)
    made = Release(manifest["address"], published.version, tag_of(published.version), manifest["rows"], new)
    facts = {
        "url": made.url,
        "version": made.version,
        "tag": made.tag,
        "rows": made.rows,
        "content_hash": draft.identity.content_hash,
    }
    write_private(draft.layout.release_record, json.dumps(facts, indent=1) + "\n")
    return made
