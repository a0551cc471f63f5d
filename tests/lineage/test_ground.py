"""What a stage stands on must not move under it."""

import shutil

import pytest
import yaml

from gristmill.errors import InputError
from gristmill.layout import Layout, Stage
from gristmill.lineage.ground import ground, has, require_unmoved, tracked_parameters
from tests.closure import ROOT


@pytest.fixture
def layout(tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("recipes", "gristmill"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Layout(tmp_path)


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("params.yaml", "attempts: 2\n\nexecution", "attempts: 3\n\nexecution", "params.yaml: generate"),
        ("recipes/qa-from-docs.yaml", "name:", "# changed\nname:", "recipes/qa-from-docs.yaml"),
        ("gristmill/text.py", '"""', '"""New: ', "gristmill/text.py"),
    ],
)
def test_change_under_a_running_stage_is_refused_and_named(layout, file, old, new, named):
    before = ground(layout, Stage.GENERATE)
    replace(layout.root / file, old, new)

    with pytest.raises(InputError, match="changed while the stage ran") as caught:
        require_unmoved(Stage.GENERATE, before, ground(layout, Stage.GENERATE))

    assert named in caught.value.problem.found


def test_pinned_inputs_that_appear_meanwhile_are_refused(layout):
    before = ground(layout, Stage.GENERATE)
    layout.quota_lock.parent.mkdir()
    layout.quota_lock.write_text("{}")

    with pytest.raises(InputError, match=r"inputs/quota\.lock"):
        require_unmoved(Stage.GENERATE, before, ground(layout, Stage.GENERATE))


def test_change_that_the_stage_does_not_stand_on_passes(layout):
    before = ground(layout, Stage.GENERATE)
    replace(layout.params, "min_rows: 50", "min_rows: 7")
    replace(layout.params, "max_in_flight: null", "max_in_flight: 2")

    require_unmoved(Stage.GENERATE, before, ground(layout, Stage.GENERATE))


def test_tracked_parameters_are_all_in_the_projects_own_file(layout):
    written = yaml.safe_load(layout.params.read_text())

    assert "engine.script" in tracked_parameters(layout)
    assert [path for path in tracked_parameters(layout) if not has(written, path)] == []
