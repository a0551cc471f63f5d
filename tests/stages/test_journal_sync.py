"""generate with `journal.sync`: a fresh clone, or a new machine, does not pay again."""

import sys
from pathlib import Path

import pytest
import yaml

from gristmill.layout import Stage
from gristmill.params.publish import StoreParams
from gristmill.stages import generate
from gristmill.store.client import Store
from tests.stages.generation import Workspace
from tests.store.server import own_state, state_folder, store, store_params

__all__ = ["own_state", "state_folder", "store", "store_params"]


@pytest.fixture(autouse=True)
def own_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def clone(root: Path, store: StoreParams) -> Workspace:
    workspace = Workspace(root)
    params = yaml.safe_load(workspace.layout.params.read_text())
    params |= {"journal": {"sync": True}, "store": {"url": store.url}}
    workspace.layout.params.write_text(yaml.safe_dump(params))
    return workspace


def run(workspace: Workspace) -> None:
    sys.modules.pop("counting_script", None)
    generate.run(workspace.layout)


def test_second_clone_asks_nothing_and_makes_the_same_data(
    tmp_path: Path, store: Store, store_params: StoreParams
) -> None:
    first, second = (clone(tmp_path / name, store_params) for name in ("first", "second"))
    run(first)
    assert len(first.asked()) == 22
    assert len(list(store.list("journal/"))) == 1

    run(second)

    assert second.asked() == []
    assert second.contents(Stage.GENERATE) == first.contents(Stage.GENERATE)
    assert len(list(store.list("journal/"))) == 1
