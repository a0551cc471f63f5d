"""One real SeaweedFS for all tests of a session, in a state folder of the session's own."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.params.publish import StoreParams
from gristmill.store import embedded
from gristmill.store.client import Store, connect


@pytest.fixture(scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder; its server is stopped, and its data removed, at the end."""
    folder = tmp_path_factory.getbasetemp() / "gristmill-state"
    yield folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_STATE_DIR", str(folder))
        embedded.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_state(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_STATE_DIR", str(state_folder))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(state_folder / "dvc-site"))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store_params() -> StoreParams:
    """The embedded store with a prefix of the test's own."""
    return StoreParams(url=f"s3://gristmill-tests/{uuid.uuid4().hex}")


@pytest.fixture
def store(store_params: StoreParams) -> Store:
    return connect(store_params)


def wipe(store: Store) -> None:
    """Removes everything below the store's prefix."""
    for head in list(store.list("")):
        store.client.delete_object(Bucket=store.bucket, Key=f"{store.prefix}/{head.key}")
