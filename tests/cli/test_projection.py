"""A plan's projection held against the run that followed."""

import json
import os

from gristmill.cli.projection import checked, remember
from gristmill.layout import Layout, Stage

FORECAST = {
    "requests_open": 200,
    "prompt_tokens_open": 40_000,
    "expected_completion_tokens": 5_000,
    "expected_usd": 0.0,
}


def measured(layout, seconds_later, **paid):
    path = layout.metrics(Stage.GENERATE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"paid_by_this_run": paid}))
    then = (layout.state / "forecast.json").stat().st_mtime + seconds_later
    os.utime(path, (then, then))


PAID = {"requests": 180, "prompt_tokens": 38_000, "completion_tokens": 6_000, "usd": 0.0}


def test_projection_is_checked_after_the_run_with_its_error(tmp_path):
    layout = Layout(tmp_path)
    remember(layout, FORECAST)
    measured(layout, 60, **PAID)

    assert checked(layout) == [
        {"figure": "requests", "projected": 200, "measured": 180, "error": "-10%"},
        {"figure": "prompt tokens", "projected": 40_000, "measured": 38_000, "error": "-5%"},
        {"figure": "completion tokens", "projected": 5_000, "measured": 6_000, "error": "+20%"},
        {"figure": "usd", "projected": 0.0, "measured": 0.0, "error": ""},
    ]


def test_projection_is_not_held_against_an_earlier_run(tmp_path):
    layout = Layout(tmp_path)
    remember(layout, FORECAST)
    measured(layout, -60, **PAID)

    assert checked(layout) == []


def test_projection_is_not_held_against_a_run_that_asked_nothing(tmp_path):
    layout = Layout(tmp_path)
    remember(layout, FORECAST)
    measured(layout, 60, **{**PAID, "requests": 0})

    assert checked(layout) == []


def test_projection_of_nothing_open_leaves_the_last_one(tmp_path):
    layout = Layout(tmp_path)
    remember(layout, FORECAST)
    remember(layout, {**FORECAST, "requests_open": 0})
    measured(layout, 60, **PAID)

    assert checked(layout)[0]["projected"] == 200
