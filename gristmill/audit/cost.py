"""Cost by tokens: usd = prompt tokens x price + completion tokens x price, all attempts included.

Tokens are those the engine counted for every request that `generate` and `judge` made, also for
samples that were rejected later; a price per accepted row bears them all. An answer taken from the
journal counts like one that was asked for: the figure is what this data costs to make once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.params.journal import CostParams


@dataclass(frozen=True)
class Tokens:
    """What a stage sent to a model and got back."""

    prompt: int
    completion: int

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)


def usd(tokens: Tokens, prices: CostParams) -> float:
    """Price of the tokens."""
    return prices.usd(tokens.prompt, tokens.completion)


@dataclass(frozen=True)
class Kept:
    """What came out of it: new rows and the (estimated) tokens in their prompts and responses."""

    rows: int
    tokens: int


def cost_of(
    stages: Mapping[str, Tokens], accepted: int, prices: CostParams, kept: Kept, recipes: Mapping[str, str]
) -> dict[str, Any]:
    """Tokens and price by stage, by recipe or rubric (`recipes`: stage -> name), in all, and per unit kept.

    A price per unit is None when nothing was kept. At the endpoint's prices: what a GPU cost instead stands in the
    metrics of `generate` and `judge`, since no two runs take the same time.
    """
    total = sum(stages.values(), Tokens(0, 0))
    price = usd(total, prices)
    return {
        "stages": {name: _entry(tokens, prices) for name, tokens in stages.items()},
        "recipes": {recipes[stage]: _entry(tokens, prices) for stage, tokens in stages.items() if stage in recipes},
        "total": _entry(total, prices),
        "kept_rows": kept.rows,
        "kept_tokens": kept.tokens,
        "usd_per_kept_row": round(price / kept.rows, 9) if kept.rows else None,
        "tokens_per_1000_kept_tokens": _per_thousand(total.prompt + total.completion, kept.tokens),
        "usd_per_1000_kept_tokens": _per_thousand(price, kept.tokens),
        "tokens_per_accepted_row": round((total.prompt + total.completion) / accepted, 1) if accepted else None,
        "usd_per_accepted_row": round(price / accepted, 9) if accepted else None,
    }


def _per_thousand(amount: float, kept: int) -> float | None:
    return round(1000 * amount / kept, 9) if kept else None


def _entry(tokens: Tokens, prices: CostParams) -> dict[str, Any]:
    price = round(usd(tokens, prices), 6)
    return {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion, "usd": price}
