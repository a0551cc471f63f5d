"""Who asks what: of equal requests on several actors only one reaches an engine, as within one process.

An actor that is about to ask wants to know first. The driver, who has the journal, gives it the recorded answer, or
the claim to ask; whoever wants the same meanwhile waits for that answer. A claim ends with its answer, when its holder
gives up, or when the holder is lost: then the next who waits gets it.
"""

from collections import deque
from dataclasses import dataclass, field

from gristmill.distribute.parcels import Parcel, Reply, Want
from gristmill.engine.account import Cost
from gristmill.engine.asker import holds
from gristmill.engine.journal import Journal
from gristmill.engine.quarantine import Convicts
from gristmill.recipes.request import Answer

Letter = tuple[int, Reply]
"""To which actor, and what."""


@dataclass
class _Claim:
    holder: int
    waiting: deque[int] = field(default_factory=deque)


class Desk:
    """The driver's side; actors are known by number. Counts what was asked and what the journal knew."""

    def __init__(self, journal: Journal, quarantine: Convicts, context: int | None) -> None:
        self._journal = journal
        self._quarantine = quarantine
        self._context = context
        self._claims: dict[bytes, _Claim] = {}
        self.paid = Cost()
        self.from_journal = 0

    def receive(self, sender: int, parcel: Parcel) -> list[Letter]:
        """Records the parcel's answers; gives the replies to it, and to those who waited for them.

        Raises GristmillError when the journal cannot be written.
        """
        letters: list[Letter] = []
        for entry in parcel.entries:
            self._journal.append(entry.key, entry.content, entry.answer, entry.recipe, entry.answered_at)
            self.paid.add(entry.answer)
            letters += self._answered(entry.key, entry.answer)
        for convicted in parcel.convicted:
            self._quarantine.add(convicted.request, convicted.model_id, convicted.engine)
        for key in parcel.given_up:
            letters += self._free(key)
        for want in parcel.wants:
            letters += self._consider(sender, want)
        return letters

    def forget(self, lost: int) -> list[Letter]:
        """Frees what a lost actor held, and takes it off every list."""
        held = [key for key, claim in self._claims.items() if claim.holder == lost]
        for claim in self._claims.values():
            claim.waiting = deque(each for each in claim.waiting if each != lost)
        return [letter for key in held for letter in self._free(key)]

    def _consider(self, sender: int, want: Want) -> list[Letter]:
        claim = self._claims.get(want.key)
        if claim is not None:
            claim.waiting.append(sender)
            return []
        known = self._journal.get(want.key)
        if known is not None and holds(known, want.max_tokens, self._context):
            self.from_journal += 1
            return [(sender, Reply(want.key, known))]
        self._claims[want.key] = _Claim(sender)
        return [(sender, Reply(want.key, None))]

    def _answered(self, key: bytes, answer: Answer) -> list[Letter]:
        claim = self._claims.pop(key, None)
        return [(actor, Reply(key, answer)) for actor in claim.waiting] if claim else []

    def _free(self, key: bytes) -> list[Letter]:
        claim = self._claims.pop(key, None)
        if claim is None or not claim.waiting:
            return []
        holder = claim.waiting.popleft()
        self._claims[key] = _Claim(holder, claim.waiting)
        return [(holder, Reply(key, None))]
