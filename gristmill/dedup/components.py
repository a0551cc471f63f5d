"""Connected components of rows, by union-find with path halving (Tarjan and van Leeuwen 1984): 8 bytes a row."""

from array import array

import numpy as np

from gristmill.stretches import Ints


class Components:
    """Rows 0 to n - 1, each at first a component of its own."""

    def __init__(self, rows: int) -> None:
        self._up = array("q", range(rows))

    def root(self, row: int) -> int:
        """The component's smallest row."""
        up = self._up
        while (above := up[row]) != row:
            up[row] = up[above]
            row = up[row]
        return row

    def join(self, one: int, other: int) -> None:
        """Makes one component of two."""
        low, high = sorted((self.root(one), self.root(other)))
        self._up[high] = low

    def roots(self) -> Ints:
        """The root of every row."""
        found: Ints = np.frombuffer(self._up, dtype=np.int64).copy()
        while np.any((above := found[found]) != found):
            found = above
        return found
