"""`gristmill doctor`: what it says of a model behind an endpoint."""

import shutil

import pytest
import yaml

from gristmill.cli.doctor import Finding, examine
from gristmill.layout import Layout
from tests.closure import ROOT
from tests.engine.endpoint import Running


@pytest.fixture
def running():
    started = Running()
    yield started
    started.end()


def model_finding(folder, *endpoints) -> Finding:
    """What doctor finds out about the model in a workspace that asks these endpoints."""
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["model"] = {"name": "tiny", "revision": "r1"}
    params["engine"] = {"kind": "openai", "endpoints": list(endpoints)}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return next(finding for finding in examine(Layout(folder)) if finding.part == "model")


def test_doctor_names_the_endpoint_that_does_not_answer(tmp_path, running):
    found = model_finding(tmp_path, running.address, "http://127.0.0.1:9")

    assert not found.fine
    assert found.found.startswith("tiny@r1: 1 of 2 endpoints answer; http://127.0.0.1:9/v1: ")


def test_doctor_says_when_an_endpoint_wants_a_key(tmp_path, running, monkeypatch):
    monkeypatch.delenv("GRISTMILL_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running.behave(key="right")

    found = model_finding(tmp_path, running.address)

    assert not found.fine
    assert "answered 401 and no key is set" in found.found
    assert "GRISTMILL_API_KEY" in found.do
