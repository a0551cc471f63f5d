"""How many requests an endpoint can take: nobody says, so it is found by trying.

A round is as many answers as are under way. The bound grows as long as each growth brings more answers a second; one
that brought nothing is taken back, and a 429 makes the bound smaller. After some rounds growth is tried again:
endpoints become free too.
"""

from gristmill.engine.in_flight import InFlight

_GROWTH = 1.25
_CUT = 0.7
_GAIN = 1.05
"""A round this much faster than the one before was worth the larger bound."""
_PATIENCE = 8
"""Rounds for which a bound that was made smaller stays."""


class Climb:
    """Moves a bound by what its answers tell. `now` is on any clock that only goes forward, in seconds."""

    def __init__(self, bound: InFlight) -> None:
        self._bound = bound
        self._best = 0.0
        """Answers a second of the round before the last growth; 0 where nothing is being tried."""
        self._hold = 0
        """Rounds for which the bound stays."""
        self._answered = 0
        self._busy = False
        self._began: float | None = None

    def busy(self) -> None:
        """An endpoint said 429."""
        self._busy = True

    def answered(self, now: float) -> None:
        """An answer came."""
        if self._began is None:
            self._began = now  # the first answer's wait is the endpoint's warming up, not its rate
            return
        self._answered += 1
        if self._answered < self._bound.limit:
            return
        rate = self._answered / max(now - self._began, 1e-9)
        self._answered, self._began = 0, now
        self._end_round(rate)

    def _end_round(self, rate: float) -> None:
        if self._busy:
            self._settle(self._bound.limit * _CUT)
        elif self._hold:
            self._hold -= 1
        elif self._best and rate <= self._best * _GAIN:
            self._settle(self._bound.limit / _GROWTH)
        elif self._bound.wanted and self._bound.limit < self._bound.ceiling:
            self._best = rate
            self._bound.move(int(self._bound.limit * _GROWTH) + 1)
        else:
            self._best = 0.0

    def _settle(self, limit: float) -> None:
        self._busy, self._best, self._hold = False, 0.0, _PATIENCE
        self._bound.move(int(limit))
