"""Parameters of the journal: where answers are kept."""

from pydantic import Field

from gristmill.params.section import Section


class JournalParams(Section):
    """Where recorded answers are kept besides this clone."""

    sync: bool = False
    """Whether answers go to `<store.url>/journal/` while they come in, and those that others recorded there come from
    it at the start of `generate` and `judge`. For machines that can be lost and for clones that share their answers."""
    sync_seconds: float = Field(default=300.0, ge=1)
    """Pause between two uploads: a machine that is lost takes no more answers with it than came in that time."""
