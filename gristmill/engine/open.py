"""The journal as a stage of a workspace uses it: opened for this process, and mirrored where params say so."""

from collections.abc import Iterator
from contextlib import contextmanager

from gristmill.engine.journal import Journal, open_journal
from gristmill.layout import Layout
from gristmill.params.journal import JournalParams
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams


@contextmanager
def workspace_journal(layout: Layout) -> Iterator[Journal]:
    """The workspace's journal for the length of the body.

    Raises GristmillError when another run holds it, and, with `journal.sync`, when the store does not answer.
    """
    params = load_section(JournalParams, layout.params, "journal")
    with open_journal(layout.journal) as journal:
        if not params.sync:
            yield journal
            return
        from gristmill.engine.mirror import mirrored
        from gristmill.store.client import connect

        store = load_section(StoreParams, layout.params, "store")
        with mirrored(journal, lambda: connect(store), params.sync_seconds):
            yield journal
