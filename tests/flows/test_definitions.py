"""prefect.yaml: each deployment leads to a flow whose parameters it gives, and whose form explains them."""

from datetime import date

import pytest
import yaml
from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import import_object

from flows.backfill import days
from gristmill.errors import InputError
from tests.closure import ROOT

DEPLOYMENTS = {each["name"]: each for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}


def form(name):
    path, _, flow = DEPLOYMENTS[name]["entrypoint"].partition(":")
    return parameter_schema(import_object(f"{path.removesuffix('.py').replace('/', '.')}.{flow}").fn)


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_deployment_runs_one_at_a_time_and_a_colliding_run_is_cancelled(name):
    assert DEPLOYMENTS[name]["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_every_parameter_is_explained_in_the_form(name):
    schema = form(name)

    assert {key: bool(field.get("description")) for key, field in schema.properties.items()} == dict.fromkeys(
        schema.properties, True
    )
    assert set(DEPLOYMENTS[name]["parameters"]) <= set(schema.properties)


def test_refresh_alone_has_a_schedule():
    assert {name for name, each in DEPLOYMENTS.items() if each.get("schedules")} == {"refresh"}


def test_backfill_asks_for_a_range_of_dates_a_source_and_a_path():
    schema = form("backfill")

    assert sorted(schema.required) == ["first", "last", "path", "source"]
    assert {schema.properties[name]["format"] for name in ("first", "last")} == {"date"}


def test_days_of_a_range_are_all_there_over_the_end_of_a_month():
    found = list(days(date(2026, 2, 27), date(2026, 3, 1), "s3://seeds/{day}/*.jsonl"))

    assert found == [f"s3://seeds/2026-{day}/*.jsonl" for day in ("02-27", "02-28", "03-01")]


@pytest.mark.parametrize(
    ("last", "path", "told"),
    [(date(2026, 1, 1), "s3://a/b", "{day}"), (date(2025, 1, 1), "{day}", "the first day first")],
)
def test_range_that_makes_no_sense_is_refused(last, path, told):
    with pytest.raises(InputError, match=told):
        days(date(2026, 1, 1), last, path)
