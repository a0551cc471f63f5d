from pathlib import Path

import pytest

from gristmill.params.publish import StoreParams
from tests.lineage.workspace import Workspace, copy, make
from tests.store.server import own_state, state_folder, store, store_params

__all__ = ["own_state", "state_folder", "store", "store_params"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make(tmp_path_factory.mktemp("template") / "clone")


@pytest.fixture
def workspace(template: Workspace, tmp_path: Path, store_params: StoreParams) -> Workspace:
    """A clone whose graph is up to date, with a store prefix of its own."""
    made = copy(template, tmp_path / "clone")
    made.set("store", url=store_params.url)
    made.git("commit", "--quiet", "-am", "Store")
    return made
