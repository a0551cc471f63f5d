"""A hard budget: a request is sent only if, at its dearest, it still fits.

Spent is what the journal has recorded (by whomever, also by what was pruned since). A request reserves its
`max_tokens`, its prompt by estimate, and the GPU time that requests of this run took on average; when it is answered,
what it really took stands in place of that. Who finds no room waits until others settle for less, and when
nobody is under way any more, the budget is exhausted: nothing that was sent is thrown away.
"""

import asyncio
from dataclasses import dataclass, fields

from gristmill.engine.lookup import JournalReader
from gristmill.errors import BudgetExhausted
from gristmill.params.journal import BudgetParams, CostParams
from gristmill.recipes.request import Answer, Finish, Request, Role
from gristmill.text import estimate_tokens

_TOKENS_PER_TURN = 8
"""A chat template's own tokens around each turn, rather more than less."""
_SPENT = """
SELECT coalesce(sum(requests), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
    coalesce(sum(gpu_seconds), 0.0)
FROM spending WHERE day > CAST(strftime('%s', 'now') / 86400 AS INTEGER) - ?
"""
_EVER = 1 << 40


@dataclass
class Spent:
    """What a budget counts."""

    requests: float = 0
    prompt_tokens: float = 0
    completion_tokens: float = 0
    gpu_seconds: float = 0.0

    def plus(self, other: "Spent", sign: int = 1) -> "Spent":
        """The sum, or with `sign` -1 the difference."""
        return Spent(*(getattr(self, each.name) + sign * getattr(other, each.name) for each in fields(self)))


def spent(journal: JournalReader, limits: BudgetParams) -> Spent:
    """What counts against the budget by now."""
    found = journal.select(_SPENT, (limits.days or _EVER,))
    return Spent(*found[0]) if found else Spent()


def used(limits: BudgetParams, prices: CostParams, so_far: Spent) -> dict[str, tuple[float, float]]:
    """Of each limit that is set, how much is used, and the limit."""
    amounts = {
        "requests": so_far.requests,
        "tokens": so_far.prompt_tokens + so_far.completion_tokens,
        "gpu_seconds": so_far.gpu_seconds,
        "usd": prices.usd(so_far.prompt_tokens, so_far.completion_tokens, so_far.gpu_seconds),
    }
    limited = {name: getattr(limits, name) for name in amounts}
    return {name: (amounts[name], limit) for name, limit in limited.items() if limit is not None}


def prompt_tokens(request: Request) -> int:
    """An estimate of the prompt's length, with the chat template's share."""
    if request.prompt is not None:
        return estimate_tokens(request.prompt)
    opened = _TOKENS_PER_TURN * (request.write is Role.USER)
    return opened + sum(estimate_tokens(turn.content) + _TOKENS_PER_TURN for turn in request.messages)


class Budget:
    """Lets requests of a run through as long as there is room for them."""

    def __init__(self, limits: BudgetParams, prices: CostParams, so_far: Spent) -> None:
        self._limits = limits
        self.prices = prices
        self._spent = so_far
        self._reserved = Spent()
        self._settled = Spent()
        self._moved = asyncio.Event()
        self.bounded = bool(used(limits, prices, so_far))
        """Whether there is any limit."""

    async def reserve(self, request: Request) -> Spent:
        """Room for the request, to be given back to `settle`. Raises BudgetExhausted when there is none left."""
        wanted = self._dearest(request)
        while not self._fits(wanted):
            if not self._reserved.requests:
                raise self._exhausted(wanted)
            self._moved.clear()
            await self._moved.wait()
        self._reserved = self._reserved.plus(wanted)
        return wanted

    def settle(self, reserved: Spent, answer: Answer | None) -> None:
        """Puts what the answer took in the reservation's place; None when there is no answer."""
        self._reserved = self._reserved.plus(reserved, -1)
        if answer is not None and answer.finish_reason != Finish.PROMPT_TOO_LONG:
            took = Spent(1, answer.prompt_tokens, answer.completion_tokens, answer.gpu_seconds)
            self._spent = self._spent.plus(took)
            self._settled = self._settled.plus(took)
        self._moved.set()

    def _dearest(self, request: Request) -> Spent:
        mean = self._settled.gpu_seconds / self._settled.requests if self._settled.requests else 0.0
        return Spent(1, prompt_tokens(request), request.sampling.max_tokens, mean)

    def _fits(self, wanted: Spent) -> bool:
        now = self._spent.plus(self._reserved)
        full = any(amount >= limit for amount, limit in used(self._limits, self.prices, now).values())
        after = used(self._limits, self.prices, now.plus(wanted))
        return not full and all(amount <= limit for amount, limit in after.values())

    def _exhausted(self, wanted: Spent) -> BudgetExhausted:
        next_one = used(self._limits, self.prices, wanted)
        reached = [
            f"{name} {_figure(amount)} of {_figure(limit)} (the next request may take {_figure(next_one[name][0])})"
            for name, (amount, limit) in used(self._limits, self.prices, self._spent).items()
        ]
        days = f"in the last {self._limits.days} days" if self._limits.days else "in all that the journal has recorded"
        return BudgetExhausted(
            f"the budget has no room for another request: {'; '.join(reached)}, {days}",
            where="params.yaml: budget",
            do="raise it and run this again: what was answered is in the journal, and nothing is paid for twice",
        )


def _figure(amount: float) -> str:
    return f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.4f}".rstrip("0")
