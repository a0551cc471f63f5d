"""`gristmill quarantine`: what a user sees of requests that kill the engine, and how they are let go."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.cli.main import app
from gristmill.engine.quarantine import Quarantine
from gristmill.layout import Layout
from gristmill.recipes.request import Message, Request, Sampling


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Quarantine:
    """A workspace with one request in its quarantine."""
    (tmp_path / "params.yaml").write_text("{}")
    monkeypatch.chdir(tmp_path)
    quarantine = Quarantine(Layout(tmp_path).journal)
    quarantine.add(Request("question", Sampling(), (Message("user", "Ask me\nsomething."),)), "m@1", "vllm/0.32.0")
    return quarantine


def test_quarantine_lists_what_was_asked_and_which_engine_died(held: Quarantine) -> None:
    (entry,) = json.loads(CliRunner().invoke(app, ["quarantine", "--json"]).stdout)
    assert (entry["asked"]["step"], entry["engine"]) == ("question", "vllm/0.32.0")
    assert "something." in CliRunner().invoke(app, ["quarantine"], env={"COLUMNS": "200"}).stdout


def test_cleared_quarantine_is_empty_and_says_what_to_do_next(held: Quarantine) -> None:
    done = CliRunner().invoke(app, ["quarantine", "--clear"])
    assert "1 requests can be asked again: `dvc repro --force`" in done.stdout
    assert "none" in CliRunner().invoke(app, ["quarantine"]).stdout
