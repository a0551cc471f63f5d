"""Parameters of the journal, of the budget and of the prices: what answers cost, and that none is paid for twice."""

from pydantic import Field

from gristmill.params.section import Section

_SECONDS_PER_HOUR = 3600


class JournalParams(Section):
    """Where recorded answers are kept besides this clone."""

    sync: bool = False
    """Whether answers go to `<store.url>/journal/` while they come in, and those that others recorded there come from
    it at the start of `generate` and `judge`. For machines that can be lost and for clones that share their answers."""
    sync_seconds: float = Field(default=300.0, ge=1)
    """Pause between two uploads: a machine that is lost takes no more answers with it than came in that time."""


class BudgetParams(Section):
    """Hard limits on what may be asked, over all that the journal has recorded; null is none."""

    requests: int | None = Field(default=None, ge=0)
    """Requests."""
    tokens: int | None = Field(default=None, ge=0)
    """Prompt and completion tokens together."""
    gpu_seconds: float | None = Field(default=None, ge=0)
    """Seconds of GPUs, each GPU's counted."""
    usd: float | None = Field(default=None, ge=0)
    """Money, at the prices of the section `cost`."""
    days: int | None = Field(default=None, ge=1)
    """Only what was answered in the last so many days (UTC, today included) counts; null counts all there ever was."""


class CostParams(Section):
    """Prices: the figures of a run, the plan, the budget in money and the audit go by them."""

    gpu_hour_usd: float = Field(default=0.0, ge=0)
    """An hour of one GPU."""
    usd_per_million_prompt_tokens: float = Field(default=0.0, ge=0)
    """An endpoint's price of prompt tokens."""
    usd_per_million_completion_tokens: float = Field(default=0.0, ge=0)
    """An endpoint's price of completion tokens."""

    def usd(self, prompt_tokens: float, completion_tokens: float, gpu_seconds: float = 0.0) -> float:
        """Tokens x price + GPU hours x rate, in US dollars."""
        prompt = prompt_tokens * self.usd_per_million_prompt_tokens
        completion = completion_tokens * self.usd_per_million_completion_tokens
        return (prompt + completion) / 1e6 + gpu_seconds / _SECONDS_PER_HOUR * self.gpu_hour_usd
