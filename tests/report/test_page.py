"""The report: one file, everything in it, nothing of it believed."""

import json
import re
from html.parser import HTMLParser

import pytest

from gristmill.errors import GristmillError
from gristmill.layout import Stage
from gristmill.report.charts import columns, nice_ceiling
from gristmill.report.excerpts import Marked, mark
from gristmill.report.page import write_report
from tests.release import through_audit, through_export
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


def test_report_shows_funnel_reasons_samples_and_rejects(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(30)
    rows[3]["prompt"] = "Why?"
    rows[4]["response"] = "purple elephants everywhere"
    through_export(layout, rows)

    page = report(layout)
    text = " ".join(" ".join(Page(page).text).split())

    assert "Passes the gate" in text
    assert "prompt_too_short" in text
    assert "response_not_in_evidence · measured 0.000 · required at least 0.8" in text
    assert "purple elephants everywhere" in text
    assert page.count("<article") == 20
    assert page.count("<mark>") == 20
    assert json.loads((layout.data(Stage.EXPORT) / "manifest.json").read_text())["content_hash"] in text


def test_report_needs_no_network_and_no_script(tmp_path):
    layout = workspace(tmp_path)
    through_export(layout, samples(8))

    page = Page(report(layout))

    assert "script" not in page.tags
    assert not [value for name, value in page.attributes if name in ("src", "href") and not value.startswith("data:")]
    assert not re.search(r"url\(|@import", report(layout))


def test_report_escapes_what_a_model_wrote(tmp_path):
    layout = workspace(tmp_path, export={"title": "<b>bold</b>"})
    rows = samples(8)
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"
    rows[0]["prompt"] = f"{rows[0]['prompt'][:-1]} {evil}?"
    rows[1]["response"] = evil
    for row in rows:
        row["context"] = f"{row['context']} {evil}"
    through_export(layout, rows)

    page = Page(report(layout))

    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "b" in page.tags  # our own
    text = "".join(page.text)
    assert text.count(evil) >= 9
    assert "<b>bold</b>" in text


def test_report_after_a_refusal_says_which_bound_is_broken(tmp_path):
    layout = workspace(tmp_path, gate={"min_rows": 500})
    through_audit(layout, samples(8))

    text = " ".join(" ".join(Page(report(layout)).text).split())

    assert "Does not pass the gate" in text
    assert "rows 8 at least 500" in text


def test_report_of_an_empty_data_set_is_written(tmp_path):
    layout = workspace(tmp_path)
    through_audit(layout, [])

    assert "unmeasured" in report(layout)


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


def test_columns_heights_are_in_proportion():
    chart = columns(["1", "2"], [("prompts", [10, 20]), ("responses", [0, 5])])

    heights = [bar.height for bar in chart.bars]
    assert heights == [78.0, 156.0, 0.0, 39.0]
    assert [tick.text for tick in chart.ticks] == ["0", "5", "10", "15", "20"]
    assert chart.bars[3].tip == "responses, 2: 5"


@pytest.mark.parametrize(("value", "ceiling"), [(0, 4), (5, 8), (9, 20), (21, 40), (399, 400), (401, 800)])
def test_nice_ceiling_divides_by_four(value, ceiling):
    assert nice_ceiling(value) == ceiling
