"""The report on a third release: what its sections and charts are given."""

import pytest

from gristmill.layout import Stage
from gristmill.report.health_charts import drift, drifted, history
from gristmill.report.seed_map import seed_map
from tests.report.conftest import embedded


@pytest.fixture(scope="module")
def charts(full_page):
    """The page's charts: name -> specification."""
    return embedded(full_page, "charts")


def values(spec, layer=None):
    """The data of a chart, or of one of its layers."""
    return spec["datasets"][(spec if layer is None else spec["layer"][layer])["data"]["name"]]


def test_report_draws_every_section(charts):
    assert {name.split("-")[0] for name in charts} == {
        "drift", "history", "amplification", "bias", "map", "lengths", "score", "tokens",
    }  # fmt: skip


def test_history_has_a_point_for_each_release_the_last_being_now(charts):
    found = values(charts["history-recall"])

    assert [point["release"] for point in found] == ["dataset@v0.1.0", "dataset@v0.2.0", "now"]


def test_drift_shows_both_parts_of_every_gating_measure_beside_the_bound(charts):
    found = values(charts["drift-0"], 2)

    assert len(found) == 16
    assert {point["part"] for point in found} == {"the new part", "the whole"}
    assert "since dataset@v0.2.0" in charts["drift-0"]["description"]


def test_bias_shows_the_shares_of_measured_axes_only(charts):
    assert [name for name in charts if name.startswith("bias-")] == ["bias-gender"]
    assert {point["group"] for point in values(charts["bias-gender"])} == {"female", "male"}


def test_map_tells_seeds_with_rows_from_those_without(full_layout):
    found = seed_map(full_layout.data(Stage.INGEST), full_layout.data(Stage.COMPOSE)).drawing

    kinds = [point["kind"] for point in values(found.spec)]
    assert (kinds.count("seeds with rows"), kinds.count("seeds without"), kinds.count("rows")) == (337, 43, 337)
    assert "337 of these seeds have rows (89%)" in found.caption


def test_map_of_too_few_seeds_says_how_many_are_needed(full_layout, tmp_path):
    from tests.samples import seeds, workspace, write_seeds

    layout = workspace(tmp_path)
    write_seeds(layout, seeds(9))

    found = seed_map(layout.data(Stage.INGEST), full_layout.data(Stage.COMPOSE))

    assert found.drawing is None
    assert found.note == "a map needs 10 seeds; found 9"


def test_health_of_many_recipes_draws_those_that_moved_furthest():
    moved = {"measure": "recall", "before": 0.5, "after": 0.4, "spread": 0.1, "deviation": 1.0}
    recipes = {
        f"r{n}": {"drift": {"new": {"largest": float(n), "moves": [moved]}}, "seeds": {"measures": {"recall": 0.5}}}
        for n in range(12)
    }
    health = {"recipes": recipes, "since": "dataset@v1.0.0", "history": [{"release": "dataset@v1.0.0", "recipes": {}}]}

    assert drifted(health)[:2] == ["r11", "r10"]
    assert len(drift(health, 3.0)) == 8
    [line] = history(health, {})
    assert sorted({point["recipe"] for point in values(line.spec)}) == [
        "r10",
        "r11",
        "r4",
        "r5",
        "r6",
        "r7",
        "r8",
        "r9",
    ]
