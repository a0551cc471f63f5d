"""The bytes of retracted rows leave the store; what holds no such row stays."""

import pytest

from gristmill.compose.retract import Tombstone
from gristmill.errors import GristmillError
from gristmill.lineage.published import find_release, withdrawn_versions
from gristmill.lineage.release import release
from gristmill.lineage.sweep import find_garbage
from gristmill.lineage.verify import faults
from gristmill.lineage.withdraw import find_withdrawals, withdraw
from gristmill.store.client import Store
from tests.lineage.workspace import Workspace

GONE = [Tombstone(source="source-three")]


def test_release_with_retracted_rows_is_withdrawn_once_a_later_one_is_without(
    workspace: Workspace, store: Store
) -> None:
    release(workspace.layout, workspace.params())
    train, test = find_release("v0.1.0", store).files
    with pytest.raises(GristmillError, match=r"the latest release, v0\.1\.0, holds retracted rows itself"):
        find_withdrawals(store, GONE)
    workspace.seeds("one", "two", "four")
    workspace.dvc("repro")
    release(workspace.layout, workspace.params())

    (found,) = find_withdrawals(store, GONE)
    withdraw(store, found)

    assert (found.version, found.rows, found.shards) == ("v0.1.0", 1, (test.path,))
    assert store.head(test.path) is None
    assert store.head(train.path) is not None
    assert store.head("releases/v0.1.0/README.md") is None
    assert withdrawn_versions(store) == {"v0.1.0"}
    with pytest.raises(GristmillError, match=r"v0\.1\.0 was withdrawn"):
        find_release("v0.1.0", store)
    assert list(faults(find_release("latest", store), store)) == []
    assert find_withdrawals(store, GONE) == []
    assert find_garbage(store, None, 1e12, 0).objects == []
