"""`gristmill retract`, as it is typed."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from gristmill.cli.main import app
from gristmill.errors import GristmillError
from tests.samples import workspace

RUN = CliRunner()


@pytest.fixture
def here(tmp_path, monkeypatch):
    layout = workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    return layout


def test_retract_adds_a_tombstone_once(here):
    first = RUN.invoke(app, ["retract", "--source", "forum", "--why", "asked by the owner", "--json"])
    again = RUN.invoke(app, ["retract", "--source", "forum", "--json"])
    RUN.invoke(app, ["retract", "--licence", "CC-BY-NC-4.0"])

    assert json.loads(first.stdout) == {"retracted": "source forum", "new": True, "rows_in_present_data_set": 0}
    assert json.loads(again.stdout)["new"] is False
    assert yaml.safe_load(here.retracted.read_text()) == {
        "tombstones": [{"source": "forum", "why": "asked by the owner"}, {"licence": "CC-BY-NC-4.0"}]
    }


@pytest.mark.parametrize("options", [[], ["--source", "a", "--seed", "0" * 32], ["--seed", "abc"]])
def test_retract_of_anything_but_one_thing_is_refused_and_writes_nothing(here, options):
    before = here.retracted.read_bytes()

    found = RUN.invoke(app, ["retract", *options])

    assert isinstance(found.exception, GristmillError)
    assert here.retracted.read_bytes() == before
