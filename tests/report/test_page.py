"""The report: one file, everything in it, nothing of it believed."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from gristmill.errors import GristmillError
from gristmill.layout import Layout, Stage
from gristmill.report.embedded import safe_json, within
from gristmill.report.excerpts import Marked, mark
from gristmill.report.page import write_report
from gristmill.report.seed_map import plane
from tests.release import through_audit, through_export
from tests.report.conftest import embedded, manifest_of
from tests.samples import samples, workspace


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def report(layout):
    return write_report(layout, layout.root / "report.html").read_text()


def words_of(page):
    """The text that is shown, scripts and data aside."""
    shown = re.sub(r"(?s)<(script|style).*?</\1>", " ", page)
    return " ".join(" ".join(Page(shown).text).split())


def test_report_shows_funnel_reasons_samples_and_rejects(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(30)
    rows[3]["prompt"] = "Why?"
    rows[4]["response"] = "purple elephants everywhere"
    through_export(layout, rows)

    page = layout.root / "report.html"
    text = words_of(report(layout))
    found = embedded(page, "rows")

    assert "Passes the gate" in text
    assert "The first release" in text
    assert "prompt_too_short 1" in text
    [reject] = [row for row in found["rejects"] if row["reason"] == "response_not_in_evidence"]
    assert (reject["stage"], reject["value"], reject["threshold"]) == ("filter", "0.000", "at least 0.8")
    assert "purple elephants everywhere" in reject["text"]
    assert len(found["rows"]) == 28
    assert all(row["context"]["evidence"] for row in found["rows"])
    assert manifest_of(layout)["content_hash"] in text


def test_report_needs_no_network(tmp_path):
    layout = workspace(tmp_path)
    through_export(layout, samples(8))

    page = Page(report(layout))

    wanted = [value for name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert [value for value in wanted if not value.startswith(("#", "data:"))] == []
    [policy] = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy


def test_report_escapes_what_a_model_wrote(tmp_path):
    layout = workspace(tmp_path, export={"title": "<b>bold</b>"}, filter={"filters": [{"name": "length"}]})
    rows = samples(8)
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"
    rows[0]["prompt"] = f"{evil} Why?"
    rows[1]["response"] = evil
    for row in rows:
        row["context"] = f"{row['context']} {evil}"
    through_export(layout, rows)

    page = Page(report(layout))
    found = embedded(layout.root / "report.html", "rows")

    assert page.tags.count("script") == 5  # two of data, three of our own
    assert "img" not in page.tags
    assert "<b>bold</b>" in "".join(page.text)
    assert [row["response"] for row in found["rows"]].count(evil) == 1
    assert any(row["context"]["after"].endswith(evil) for row in found["rows"])  # longer passages are cut


@pytest.mark.parametrize("text", ["</script>", "<!-- <script>", "\u2028 & \u2029", '"\\', "d\u00e9j\u00e0"])
def test_safe_json_equals_its_value_and_ends_no_element(text):
    written = safe_json({"text": text})

    assert json.loads(written) == {"text": text}
    assert not set(written) & set("<>&\u2028\u2029")


def test_within_stops_before_the_budget():
    rows = [Marked("<" * 10, "", "") for _ in range(5)]

    assert len(safe_json({"before": "<" * 10, "evidence": "", "after": ""})) == 98
    assert len(within(rows, 300)) == 3


def test_report_after_a_refusal_says_which_bound_is_broken(tmp_path):
    layout = workspace(tmp_path, gate={"min_rows": 500})
    through_audit(layout, samples(8))

    text = words_of(report(layout))

    assert "Does not pass the gate" in text
    assert "rows 8 at least 500" in text


def test_report_of_an_empty_data_set_is_written(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, [])

    text = words_of(report(layout))
    assert "unmeasured" in text
    assert "Does not pass the gate" in text
    assert "There are no rows." in text


def test_report_of_a_drifted_release_names_measure_and_cause_first(full_layout, tmp_path):
    layout = Layout(shutil.copytree(full_layout.root, tmp_path / "copy"))
    path = layout.data(Stage.AUDIT) / "verdict.json"
    verdict = json.loads(path.read_text())
    recipe = verdict["health"]["recipes"]["qa-from-docs"]
    move = next(move for move in recipe["drift"]["new"]["moves"] if move["measure"] == "mauve")
    move.update(before=0.93, after=0.41, deviation=12.7)
    recipe["drift"]["new"]["largest"] = 12.7
    recipe.update(changed=["sampling.pair.temperature: 0.7 -> 0.05"], causes=[])
    path.write_text(json.dumps(verdict))

    text = words_of(report(layout))

    assert "Breaks the gate's bounds; set to warn" in text
    verdict_text = text[text.index("Breaks") :]
    assert verdict_text.index("mauve 0.41 against 0.93 in dataset@v0.2.0") < verdict_text.index("accepted share")
    assert "no source and no filter explains it" in text
    assert "Changed since dataset@v0.2.0: sampling.pair.temperature: 0.7 -> 0.05" in text
    assert "0.930 → 0.410 +12.7 ✗" in text
    assert "Not exported yet, or the export is of other data" in text


def test_report_before_the_audit_says_what_to_run(tmp_path):
    with pytest.raises(GristmillError, match="dvc repro audit"):
        report(workspace(tmp_path))


def test_report_of_damaged_measures_names_the_file_and_the_way_out(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, samples(8))
    (layout.data(Stage.AUDIT) / "measures.json").write_text("x")

    with pytest.raises(GristmillError, match=r"measures\.json: not readable as JSON.*\n.*dvc repro"):
        report(layout)


def test_report_redacts_personal_data_in_samples(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(6)
    for row in rows:
        row["context"] += " Write to jo@example.org."
    through_audit(layout, rows)

    assert "jo@example.org" not in report(layout)


@pytest.mark.parametrize(
    ("context", "evidence", "marked"),
    [
        ("One two\n  three four.", "two three", Marked("One ", "two\n  three", " four.")),
        ("One two", "five", Marked("One two", "", "")),
        ("One two", "", Marked("One two", "", "")),
        ("a (b) c", "(b)", Marked("a ", "(b)", " c")),
    ],
)
def test_mark_finds_the_evidence_whatever_the_white_space(context, evidence, marked):
    assert mark(context, evidence) == marked


def test_mark_cuts_a_long_passage_around_the_evidence_and_says_so():
    marked = mark("word " * 1000 + "found here " + "word " * 1000, "found here")

    assert marked.evidence == "found here"
    assert marked.before.startswith("[...] ")
    assert marked.after.endswith(" [...]")
    assert len(marked.before) + len(marked.after) < 1500


def test_plane_lays_vectors_in_the_directions_of_greatest_variance():
    basis = np.array([[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=np.float32)

    flat, shares = plane(basis, np.array([[3, 0, 5], [0, 2, 0]], dtype=np.float32))

    assert flat == pytest.approx(np.array([[3, 0], [0, 2]]))
    assert shares == pytest.approx([0.9, 0.1])
