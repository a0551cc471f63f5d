"""The tail of the graph run on rows, and a shelf that stands in for the store: objects by address."""

import hashlib
import io
import json
from collections import Counter

from gristmill.frame.parquet import read_rows
from gristmill.layout import Stage
from gristmill.stages import audit, compose, export, gate
from gristmill.stages import filter as filter_stage
from tests.samples import judged, seeds, workspace, write_judged, write_samples, write_seeds

PREFIX = "s3://mill/data"
MANIFEST = f"{PREFIX}/releases/v0.1.0/manifest.json"


class Shelf:
    """Objects in a store, of which stages read addresses."""

    def __init__(self):
        self.objects = {}
        self.reads = Counter()

    def read_address(self, address):
        self.reads[address] += 1
        return io.BytesIO(self.objects[address])

    def stand_in(self, monkeypatch):
        """Lets the stages that read the parent release read it here."""
        for stage in (filter_stage, compose, audit, export):
            monkeypatch.setattr(stage, "connect", lambda params: self)

    def put(self, layout):
        """Puts an exported data set where a release would."""
        folder = layout.data(Stage.EXPORT)
        for kind in ("shards", "index"):
            for file in (folder / kind).iterdir():
                self.objects[f"{PREFIX}/{kind}/{file.name}"] = file.read_bytes()
        self.objects[MANIFEST] = (folder / "manifest.json").read_bytes()

    def pin(self, layout):
        """Names the release as the parent of the layout's next one."""
        sha256 = hashlib.sha256(self.objects[MANIFEST]).hexdigest()
        parent = {"tag": "dataset@v0.1.0", "version": "v0.1.0", "manifest": MANIFEST, "manifest_sha256": sha256}
        layout.parent_lock.write_text(json.dumps({"version": 1, "parent": parent}))


def through_audit(layout, rows, mean=4.0):
    """Runs filter, compose and audit on generated rows; the judge is a constant."""
    write_seeds(layout, seeds(40))
    write_samples(layout, rows)
    filter_stage.run(layout)
    write_judged(layout, [judged(row, mean) for row in rows_of_filter(layout)])
    compose.run(layout)
    audit.run(layout)


def through_export(layout, rows, mean=4.0):
    """Runs everything from filter to export."""
    through_audit(layout, rows, mean)
    gate.run(layout)
    export.run(layout)


def rows_of_filter(layout):
    return read_rows(layout.data(Stage.FILTER))


def released(shelf, root, rows, **sections):
    """Exports rows from a workspace of their own and puts them on the shelf."""
    root.mkdir()
    layout = workspace(root, **{"gate": {"min_rows": 1}, **sections})
    through_export(layout, rows)
    shelf.put(layout)
    return layout
