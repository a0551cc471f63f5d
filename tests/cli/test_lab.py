"""`gristmill lab` on a user's own texts."""

import json

import pytest
from typer.testing import CliRunner

from gristmill.cli.main import app
from gristmill.errors import InputError
from gristmill.seeds.python_docs import documents


def lab(*arguments):
    return CliRunner().invoke(app, ["lab", *map(str, arguments)])


@pytest.fixture
def pages(tmp_path):
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(json.dumps({"body": page.text}) + "\n" for page in documents()))
    return path


def test_lab_shows_what_replacing_would_cost_against_accumulating(pages):
    done = lab(pages, "--text-column", "body", "--generations", 4, "--seeds", 1)

    assert done.exit_code == 0
    assert "After 4 generations, replacing costs +" in done.stdout
    assert "likelihood filter + replace" in done.stdout


def test_lab_figures_have_the_order_that_the_papers_predict(pages):
    done = lab(pages, "--text-column", "body", "--generations", 4, "--seeds", 1, "--json")

    arms = json.loads(done.stdout)["arms"]
    costs = [arm["cross_entropy_4"] for arm in arms.values()]
    assert list(arms) == ["accumulate", "50% real", "10% real", "replace", "likelihood filter + replace"]
    assert costs == sorted(costs)
    assert arms["accumulate"]["tail_coverage_4"] > arms["replace"]["tail_coverage_4"]


def test_lab_of_too_few_sentences_says_how_many_are_needed(tmp_path):
    path = tmp_path / "few.jsonl"
    path.write_text("".join(json.dumps({"text": f"This is sentence number {n} of them."}) + "\n" for n in range(40)))

    done = lab(path)

    assert isinstance(done.exception, InputError)
    assert "40 distinct sentences of three words or more" in str(done.exception)
    assert "at least 500" in str(done.exception)
