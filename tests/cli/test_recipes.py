"""`gristmill recipes`: list, show, new, check."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.cli.main import app
from gristmill.errors import InputError
from tests.closure import ROOT


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text("{}")
    (tmp_path / "recipes").mkdir()
    for path in (ROOT / "recipes").glob("*.yaml"):
        if path.stem in ("qa-from-docs", "judge-qa"):
            (tmp_path / "recipes" / path.name).write_text(path.read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _call(*arguments: str) -> str:
    return CliRunner().invoke(app, ["recipes", *arguments], catch_exceptions=False).output


def test_list_tells_what_each_makes_and_follows(workspace: Path) -> None:
    rows = json.loads(_call("list", "--json"))
    assert [(row["name"], row["makes"], row["source"]) for row in rows] == [
        *(("judge-qa", "scores", "inferred"), ("qa-from-docs", "sft", "inferred"))
    ]


def test_new_recipe_is_sound_at_once_and_a_variant_shows_the_parameters(workspace: Path) -> None:
    assert "recipes/mine.yaml" in _call("new", "mine")
    text = (workspace / "recipes" / "mine.yaml").read_text().replace("steps:", "parameters: {tone: calm}\nsteps:", 1)
    (workspace / "recipes" / "mine.yaml").write_text(text)
    _call("new", "other", "--extends", "mine")
    assert "parameters: {tone: calm}" in (workspace / "recipes" / "other.yaml").read_text()
    assert _call("check").startswith("4 sound: judge-qa, mine, other, qa-from-docs")
    assert json.loads(_call("show", "other", "--json"))["parameters"] == {"tone": "calm"}


def test_new_recipe_never_replaces_one(workspace: Path) -> None:
    with pytest.raises(InputError, match="there is such a recipe already"):
        _call("new", "qa-from-docs")


@pytest.mark.parametrize("name", ["../mine", "Mine"])
def test_new_recipe_with_an_impossible_name_leaves_nothing(workspace: Path, name: str) -> None:
    with pytest.raises(InputError):
        _call("new", name)
    assert sorted(path.name for path in workspace.rglob("*.yaml")) == [
        "judge-qa.yaml",
        "params.yaml",
        "qa-from-docs.yaml",
    ]


def test_check_tells_all_problems_of_all_files(workspace: Path) -> None:
    for name in ("a", "b"):
        (workspace / "recipes" / f"{name}.yaml").write_text(
            f"name: {name}\nsummary: A.\nsteps: [{{name: reply, prompt: '{{{{ nope }}}}'}}]\n"
            "output: {prompt: x, response: y}\n"
        )
    with pytest.raises(InputError) as raised:
        _call("check")
    assert [problem.where for problem in raised.value.problems] == [
        *("recipes/a.yaml:3, step reply", "recipes/b.yaml:3, step reply")
    ]


def test_show_tells_what_the_recipe_asks(workspace: Path) -> None:
    told = _call("show", "qa-from-docs")
    assert "question: at most 1 x 28 tokens" in told
    assert "passage" in told
