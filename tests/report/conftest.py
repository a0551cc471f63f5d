"""A data set with everything that the report can show: two releases behind it, people, rejects, hostile rows."""

import hashlib
import json

import pytest

from gristmill.layout import Stage
from gristmill.report.page import write_report
from gristmill.stages import audit, compose, export, gate
from gristmill.stages import filter as filter_stage
from tests.release import MANIFEST, Shelf, rows_of_filter
from tests.samples import judged, sample, seeds, workspace, write_judged, write_samples, write_seeds

EVIL = "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 2'><!--<script>"
SECTIONS = {
    "filter": {"filters": [{"name": "length"}, {"name": "form", "prompt": "question"}, {"name": "exact_dedup"}]},
    "gate": {"min_rows": 5, "mode": "warn"},
    "cost": {"usd_per_million_prompt_tokens": 0.5, "usd_per_million_completion_tokens": 1.5},
    "export": {"title": "Questions on a reference"},
}
PEOPLE = ("She told the nurse.", "He asked the engineer.", "The woman was calm.", "His brother is proud.")


@pytest.fixture(scope="session")
def full_layout(tmp_path_factory):
    """The workspace of a third release: 340 rows, of which 80 are new."""
    root, shelf, everything = tmp_path_factory.mktemp("report"), Shelf(), seeds(380)
    with pytest.MonkeyPatch.context() as patch:
        shelf.stand_in(patch)
        pin = None
        for number, (first, last) in enumerate(((0, 180), (180, 260), (260, 340)), start=1):
            folder = root / str(number)
            folder.mkdir()
            layout = workspace(folder, **SECTIONS)
            if pin:
                layout.parent_lock.write_text(json.dumps({"version": 1, "parent": pin}))
            _through_export(layout, [_told(seed, n) for n, seed in enumerate(everything)], first, last)
            shelf.put(layout)
            pin = _pin(shelf, f"v0.{number}.0")
    return layout


@pytest.fixture(scope="session")
def full_page(full_layout):
    """The report on it."""
    return write_report(full_layout, full_layout.root / "report.html")


def _told(seed, number):
    return {**seed, "text": f"{seed['text']} {PEOPLE[number % 4]}"}


def _through_export(layout, told, first, last):
    write_seeds(layout, told)
    rows = [_row(seed, number) for number, seed in enumerate(told[first:last])]
    rows[0]["response"] += f" {EVIL}"
    rows[1]["prompt"] = f"{EVIL} why?"
    rows[2]["prompt"] = "Why?"
    write_samples(layout, rows, rejected=30, failed=2)
    filter_stage.run(layout)
    write_judged(layout, [judged(row, 2.0 + number % 4) for number, row in enumerate(rows_of_filter(layout))])
    for stage in (compose, audit, gate, export):
        stage.run(layout)


def _row(seed, number):
    """A row in which women are spoken of more often than in its seed."""
    row = sample(seed)
    return {**row, "response": f"{row['response']} {PEOPLE[0] if number % 3 else PEOPLE[1]}"}


def _pin(shelf, version):
    sha256 = hashlib.sha256(shelf.objects[MANIFEST]).hexdigest()
    return {"tag": f"dataset@{version}", "version": version, "manifest": MANIFEST, "manifest_sha256": sha256}


def embedded(page, name):
    """What stands in the page's JSON of that id."""
    text = page.read_text().split(f'<script type="application/json" id="{name}">')[1].split("</script>")[0]
    return json.loads(text)


def manifest_of(layout):
    """The manifest of the layout's export."""
    return json.loads((layout.data(Stage.EXPORT) / "manifest.json").read_text())
