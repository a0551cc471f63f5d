"""dvc.yaml against the code: each stage depends on exactly the code it can load, and on its own parameters."""

from pathlib import Path

import pytest
import yaml

from gristmill.layout import Stage
from gristmill.params.root import Params
from tests.closure import ROOT, closure

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# What params.yaml sections decide nothing about the data: where, when, how fast.
NOT_DATA = {"engine", "store", "release", "run", "quota"}


def code_of(stage):
    """Files that the stage's `deps` name, folders spelled out."""
    found = set()
    for dep in STAGES[stage]["deps"]:
        if not dep.startswith("gristmill"):
            continue
        path = ROOT / dep
        files = path.rglob("*.py") if path.is_dir() else [path]
        found |= {file.relative_to(ROOT).as_posix() for file in files}
    return found


def test_graph_has_the_eight_stages_in_order():
    assert list(STAGES) == [stage.value for stage in Stage]


@pytest.mark.parametrize("stage", list(Stage))
def test_stage_depends_on_its_import_closure_and_nothing_else(stage):
    needed = closure(f"gristmill.stages.{stage.value}") | closure("gristmill.stages.__main__")

    assert code_of(stage.value) == needed


@pytest.mark.parametrize("stage", list(Stage))
def test_stage_takes_parameters_that_exist_and_decide_data(stage):
    for name in STAGES[stage.value].get("params", []):
        section, _, _ = name.partition(".")
        assert section in Params.model_fields
        assert section not in NOT_DATA or name in ("engine.kind", "engine.script")


@pytest.mark.parametrize("stage", list(Stage))
def test_stage_runs_through_the_command_line(stage):
    assert STAGES[stage.value]["cmd"] == f"gristmill stage {stage.value}"


def test_every_folder_in_the_graph_exists():
    for stage in STAGES.values():
        for dep in stage["deps"]:
            if not dep.startswith(("data/", "inputs/", "recipes/${")):
                assert Path(ROOT / dep).exists(), dep
