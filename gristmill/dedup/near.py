"""Near-duplicates among rows: shingles, MinHash bands, pairs, true Jaccard, connected components, the best of each.

    rows = NearDuplicates(folder, threshold=0.72)
    rows.add(texts, ids, scores)        # for every batch
    found = rows.resolve(release)       # release: what was published before, or None
    found.kept                          # one mask over all rows

Two rows belong together when the Jaccard similarity of their shingles reaches the threshold, or a chain of such rows
joins them. Of a component the row with the highest score stays; where several have it, the one with the smallest id. A
component that resembles a released row loses all its rows: the released one wins. A row that is itself in the release
(its id is) always stays, for whoever joins releases to see. None of this depends on the order of rows or batches.

Memory: about 40 bytes a row, what is being sorted (`MEMORY_ENTRIES`), and 40 bytes for each byte of the longest text.
The rest lies in `folder`: 4 bytes a word and 224 bytes a row.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.dedup.candidates import MOST_ROWS, distinct_pairs, pair_up
from gristmill.dedup.components import Components
from gristmill.dedup.minhash import BANDS, STEP, band_hashes, minima
from gristmill.dedup.release import Matches, ReleaseIndex
from gristmill.dedup.shingles import Sets, jaccard, mixed, shingle_sets
from gristmill.dedup.spool import Lists, SortedRuns
from gristmill.errors import GristmillError
from gristmill.stretches import Hashes, Ints, Mask

_BLOCK_BYTES = 1 << 19
"""Text that is hashed at once: larger blocks fall out of the processor's cache."""

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hashed:
    """A block of texts, hashed: sets of shingles, and the bands of those that have any."""

    sets: Sets
    filled: Ints
    """Numbers of the texts in the block that have a shingle."""
    bands: Hashes
    """Their bands, one text a row."""


@dataclass(frozen=True)
class Resolution:
    """What stays, and for each row that does not, because of which."""

    kept: Mask
    best: Ints
    """The row that stays of each row's component."""
    released: Mapping[int, str] = field(default_factory=dict)
    """For rows that resemble a release: the id of the released row."""


class NearDuplicates:
    """Rows are added batch by batch, then resolved once."""

    def __init__(self, folder: Path, *, threshold: float = STEP, workers: int = 1) -> None:
        """`folder` is private to this object and may be removed afterwards; `workers` are threads that hash."""
        self._folder, self._threshold, self._workers = folder, threshold, workers
        self._sets, self._ids = Lists(folder / "sets", np.uint32), Lists(folder / "ids", np.uint8)
        self._bands = SortedRuns(folder / "bands")
        self._scores: list[Scores] = []
        self._orders: list[Hashes] = []
        self.rows = 0

    def add(self, texts: pa.Array, ids: pa.Array, scores: Scores) -> None:
        """The next rows: texts (null counts as empty), ids (none null), and scores, of which the highest wins.

        Raises GristmillError for more than 2^32 rows.
        """
        for hashed in hash_texts(texts, self._workers):
            self._sets.add(hashed.sets.members, hashed.sets.sizes)
            self._bands.add(hashed.bands.ravel(), np.repeat(self.rows + hashed.filled, BANDS))
            self._orders.append(_order(hashed.sets))
            self.rows += len(hashed.sets.sizes)
        if self.rows > MOST_ROWS:
            raise GristmillError(f"more than {MOST_ROWS:,} rows", do="deduplicate parts of the data by themselves")
        plain = ids.cast(pa.large_binary())
        sizes = pc.binary_length(plain).to_numpy(zero_copy_only=False)
        self._ids.add(np.frombuffer(b"".join(plain.to_pylist()), dtype=np.uint8), sizes)
        self._scores.append(scores)

    def resolve(self, release: ReleaseIndex | None = None) -> Resolution:
        """What stays of all rows. To be asked once, after the last row."""
        self._sets.finish()
        self._ids.finish()
        matches = release.near(self._bands, self._sets, self.id, self._threshold) if release else Matches()
        roots = self._components().roots()
        members = _members(roots, [*matches.found, *matches.own])
        return self._decide(members, matches)

    def id(self, row: int) -> str:
        """A row's id; to be asked after `resolve`."""
        return self._ids[row].tobytes().decode()

    def similarity(self, one: int, other: int) -> float:
        """True Jaccard similarity of two rows' shingles; to be asked after `resolve`."""
        return jaccard(self._sets[one], self._sets[other])

    def _components(self) -> Components:
        order = np.concatenate([*self._orders, np.zeros(0, dtype=np.uint64)])
        self._orders = []
        pairs = SortedRuns(self._folder / "pairs")
        pair_up(self._bands, order, pairs)
        found = Components(self.rows)
        for ones, others in distinct_pairs(pairs):
            for one, other in zip(ones.tolist(), others.tolist(), strict=True):
                if found.root(one) != found.root(other) and self.similarity(one, other) >= self._threshold:
                    found.join(one, other)
        return found

    def _decide(self, members: Mapping[int, list[int]], matches: Matches) -> Resolution:
        kept, best = np.ones(self.rows, dtype=np.bool_), np.arange(self.rows)
        scores = np.concatenate([*self._scores, np.zeros(0)])
        released: dict[int, str] = {}
        for rows in members.values():
            winner = min(rows, key=lambda row: (-scores[row], self.id(row), row))
            names = [matches.found[row] for row in rows if row in matches.found]
            names += [self.id(row) for row in rows if row in matches.own]
            refused = [row for row in rows if row not in matches.own and (names or row != winner)]
            kept[refused], best[refused] = False, winner
            released |= {row: matches.found.get(row) or min(names) for row in refused if names}
        return Resolution(kept, best, released)


def hash_texts(texts: pa.Array, workers: int = 1) -> Iterator[Hashed]:
    """The texts' shingles and bands, in blocks, in order."""
    blocks = _blocks(texts.cast(pa.large_string()))
    if workers == 1:
        yield from map(_hashed, blocks)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(_hashed, blocks)


def _blocks(texts: pa.Array) -> list[pa.Array]:
    """Slices of about half a mebibyte; a longer text is one by itself."""
    sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False)
    number = np.cumsum(sizes) // _BLOCK_BYTES
    borders = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(texts)]
    return [texts[a:b] for a, b in pairwise(borders) if b > a]


def _hashed(texts: pa.Array) -> Hashed:
    sets = shingle_sets(texts)
    filled = np.flatnonzero(sets.sizes)
    borders = np.append(sets.borders[:-1][filled], sets.borders[-1:])
    return Hashed(sets, filled, band_hashes(minima(Sets(sets.members, borders))))


def _order(sets: Sets) -> Hashes:
    """A number for each set that depends on nothing else: equal sets have the same."""
    running = np.zeros(len(sets.members) + 1, dtype=np.uint64)
    np.cumsum(mixed(sets.members.astype(np.uint64)), out=running[1:])
    found: Hashes = running[sets.borders[1:]] - running[sets.borders[:-1]]
    return found


def _members(roots: Ints, matched: list[int]) -> dict[int, list[int]]:
    """The rows of each component that has several, or one that the release knows."""
    several = np.flatnonzero(np.bincount(roots, minlength=len(roots))[roots] > 1) if len(roots) else roots
    found: dict[int, list[int]] = defaultdict(list)
    for row in sorted({*several.tolist(), *matched}):
        found[int(roots[row])].append(row)
    return found
