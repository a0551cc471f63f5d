"""Splits by source document: rows that share a document, directly or through others, are on one side.

Documents that one row joins form a component (union-find, path halving, union by smallest id). The
component's smallest document id, hashed to [0, 1), picks the side by the shares: independent of
the order of rows and of all other components, so that new rows leave the others where they are.

A document of the parent release keeps its side, and takes its component along. So does a seed of the
parent's: where a source changed, the same text may stand in a document of another name. Rows that resemble
each other share a name that stands beside their documents (`gristmill.compose.alike`). A row that
would join two sides that are fixed is refused by `join`: it would leak.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gristmill.identity import text_hash
from gristmill.params.compose import SplitParams

_HASH_SPACE = 1 << 128


@dataclass
class Splits:
    """Components of documents, and the sides that are already fixed.

    Memory grows with the number of documents, and of the parent release's seeds.
    """

    shares: SplitParams
    _up: dict[str, str] = field(default_factory=dict)
    _fixed: dict[str, str] = field(default_factory=dict)

    def fix(self, documents: Sequence[str], side: str) -> None:
        """Records the side of a parent row's documents (and seeds)."""
        for document in documents:
            self._fixed[self._root(document)] = side

    def fixed(self, names: Sequence[str]) -> list[str]:
        """Those among documents or seeds that the parent release holds."""
        return [name for name in names if name in self._fixed]

    def join(self, documents: Sequence[str]) -> bool:
        """Puts the documents on one side; False, and nothing done, when their sides are fixed and differ."""
        roots = sorted({self._root(document) for document in documents})
        sides = {self._fixed[root] for root in roots if root in self._fixed}
        if len(sides) > 1:
            return False
        for root in roots[1:]:
            self._up[root] = roots[0]
        if sides:
            self._fixed[roots[0]] = sides.pop()
        return True

    def sides_of(self, documents: Sequence[str]) -> list[str]:
        """The different fixed sides of the documents, for a message."""
        roots = (self._root(document) for document in documents)
        return sorted({self._fixed[root] for root in roots if root in self._fixed})

    def side(self, document: str) -> str:
        """The side of a document, once all rows have been joined."""
        root = self._root(document)
        return self._fixed.get(root) or side_of(root, self.shares)

    def _root(self, document: str) -> str:
        up = self._up
        while (above := up.setdefault(document, document)) != document:
            up[document] = up[above]
            document = up[document]
        return document


def side_of(document: str, shares: SplitParams) -> str:
    """The side that a component whose smallest document this is falls on."""
    point = int(text_hash(document), 16) / _HASH_SPACE
    if point < shares.train:
        return "train"
    return "validation" if point < shares.train + shares.validation else "test"
