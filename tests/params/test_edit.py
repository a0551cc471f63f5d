"""Changes to params.yaml from outside: written with the comments kept, or not at all."""

import shutil

import pytest
import yaml

from gristmill.errors import InputError, ProblemsError
from gristmill.params.edit import changed_parameters, edit_parameters
from tests.closure import ROOT


@pytest.fixture
def params(tmp_path):
    return shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")


def test_edit_sets_values_and_keeps_all_else(params):
    before = params.read_text()

    lines = edit_parameters(params, {"gate.min_rows": 7, "ingest.sources.0.licence": "MIT"})

    assert lines == ["gate.min_rows: 50 -> 7", "ingest.sources.0.licence: 'PSF-2.0' -> 'MIT'"]
    assert params.read_text() == before.replace("min_rows: 50", "min_rows: 7").replace("PSF-2.0", "MIT")


def test_edit_adds_what_had_its_default(params):
    edit_parameters(params, {"compose.min_judge_mean": 2.5})

    assert yaml.safe_load(params.read_text())["compose"]["min_judge_mean"] == 2.5


def test_edit_finds_an_entry_of_a_list_by_its_name(params):
    lines = edit_parameters(params, {"filter.filters.length.max_response_words": 9})

    assert lines == ["filter.filters.length.max_response_words: 60 -> 9"]
    assert yaml.safe_load(params.read_text())["filter"]["filters"][2]["max_response_words"] == 9


def test_edit_of_an_entry_that_is_not_there_is_refused(params):
    with pytest.raises(InputError, match=r"no place for 'filter\.filters.lenght\.max_response_words'"):
        edit_parameters(params, {"filter.filters.lenght.max_response_words": 9})


def test_edit_to_the_same_value_leaves_the_file_alone(params):
    before = params.stat().st_mtime_ns

    assert edit_parameters(params, {"gate.min_rows": 50}) == []
    assert params.stat().st_mtime_ns == before


def test_edit_with_one_wrong_value_changes_nothing(params):
    before = params.read_text()

    with pytest.raises(ProblemsError, match=r"gate\.min_rowz: unknown parameter"):
        edit_parameters(params, {"gate.min_rows": 7, "gate.min_rowz": 8})

    assert params.read_text() == before


@pytest.mark.parametrize("path", ["gate.min_rows.x", "ingest.sources.7.path", "ingest.sources.first.path", "seed.0"])
def test_edit_of_a_path_that_leads_nowhere_names_it(params, path):
    before = params.read_text()

    with pytest.raises(InputError) as caught:
        edit_parameters(params, {path: 3})

    assert path.split(".")[0] in str(caught.value)
    assert params.read_text() == before


def test_changed_parameters_tells_what_would_change_and_writes_nothing(params):
    before = params.read_text()

    lines, text = changed_parameters(params, {"gate.min_rows": 7})

    assert lines == ["gate.min_rows: 50 -> 7"]
    assert text == before.replace("min_rows: 50", "min_rows: 7")
    assert params.read_text() == before
