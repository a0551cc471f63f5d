"""Duplicates in meaning: vectors, clusters, and in each cluster the best rows first, whoever is near a kept one goes.

Abbas et al. 2023 (SemDeDup, arXiv 2303.09540). Rows are divided by k-means on the sphere, fitted on a sample; only rows
of one cluster are compared, so that a pair on two sides of a border is missed. Up to `CLUSTER_ROWS` rows nothing is
divided, and none is missed. In a cluster rows come by score, then by id: a row is refused when its cosine to a
row that stays reaches the threshold. The order of rows and batches makes no difference beyond rounding.

Memory: one cluster's kept vectors, a sample, and 40 bytes a row; all vectors lie in a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.dedup.near import Scores
from gristmill.dedup.spool import Lists
from gristmill.embed import Vectors
from gristmill.stretches import Hashes, Ints, Mask

CLUSTER_ROWS = 4096
_SAMPLE_IN_CLUSTER = 32
_ROUNDS = 10
_BLOCK = 512


@dataclass(frozen=True)
class Kept:
    """What stays, and for each row the one that stays instead: itself where it stays."""

    kept: Mask
    nearest: Ints


class SemanticDuplicates:
    """Rows are added batch by batch, then resolved once."""

    def __init__(self, folder: Path, threshold: float, cluster_rows: int = CLUSTER_ROWS) -> None:
        """`folder` is private to this object; `threshold` is a cosine."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._threshold, self._cluster_rows = folder / "vectors", threshold, cluster_rows
        self._file = self._path.open("wb")
        self._ids = Lists(folder / "ids", np.uint8)
        self._scores: list[Scores] = []
        self._orders: list[Hashes] = []
        self.rows = self._width = 0

    def add(self, vectors: Vectors, ids: pa.Array, scores: Scores) -> None:
        """The next rows: vectors of length 1, ids and scores, of which the highest wins."""
        self._width = vectors.shape[1]
        self._file.write(np.ascontiguousarray(vectors).data)
        plain = ids.cast(pa.large_binary())
        data = plain.to_pylist()
        self._ids.add(np.frombuffer(b"".join(data), np.uint8), pc.binary_length(plain).to_numpy(zero_copy_only=False))
        self._orders.append(_order(data))
        self._scores.append(scores)
        self.rows += len(vectors)

    def resolve(self) -> Kept:
        """What stays. To be asked once, after the last row."""
        self._file.close()
        self._ids.finish()
        kept, nearest = np.ones(self.rows, dtype=np.bool_), np.arange(self.rows)
        if self.rows:
            vectors = np.memmap(self._path, np.float32, "r", shape=(self.rows, self._width))
            scores = np.concatenate(self._scores)
            for rows in self._clusters(vectors):
                ordered = sorted(rows.tolist(), key=lambda row: (-scores[row], self.id(row)))
                _keep_best(np.array(ordered), vectors, self._threshold, kept, nearest)
        return Kept(kept, nearest)

    def id(self, row: int) -> str:
        """A row's id; to be asked after `resolve`."""
        return self._ids[row].tobytes().decode()

    def _clusters(self, vectors: Vectors) -> Iterator[Ints]:
        """The rows of each cluster."""
        count = -(-self.rows // self._cluster_rows)
        if count == 1:
            yield np.arange(self.rows)
            return
        order = np.concatenate(self._orders)
        sample = np.argsort(order, kind="stable")[: count * _SAMPLE_IN_CLUSTER]
        centres = _centres(vectors[sample], count)
        blocks = [vectors[first : first + _BLOCK] @ centres.T for first in range(0, self.rows, _BLOCK)]
        cluster = np.concatenate([block.argmax(axis=1) for block in blocks])
        for number in range(count):
            yield np.flatnonzero(cluster == number)


def _keep_best(rows: Ints, vectors: Vectors, threshold: float, kept: Mask, nearest: Ints) -> None:
    """Goes through the rows in their order; marks those that are near an earlier one that stays."""
    stays: list[Ints] = []
    for first in range(0, len(rows), _BLOCK):
        block = rows[first : first + _BLOCK]
        own = np.asarray(vectors[block])
        for before in stays:
            _mark(block, own, before, np.asarray(vectors[before]), threshold, kept, nearest)
        left = np.flatnonzero(kept[block])
        alike = own[left] @ own[left].T >= threshold
        for place in range(len(left)):
            if kept[block[left[place]]]:
                later = left[place + 1 :][alike[place, place + 1 :]]
                later = later[kept[block[later]]]
                kept[block[later]], nearest[block[later]] = False, block[left[place]]
        stays.append(block[kept[block]])


def _mark(
    block: Ints, own: Vectors, before: Ints, others: Vectors, threshold: float, kept: Mask, nearest: Ints
) -> None:
    """Marks rows of the block that are near one of those before it, with the first of these."""
    if not len(before):
        return
    alike = own @ others.T >= threshold
    hit = alike.any(axis=1) & kept[block]
    kept[block[hit]], nearest[block[hit]] = False, before[alike[hit].argmax(axis=1)]


def _centres(sample: Vectors, count: int) -> Vectors:
    """Spherical k-means on the sample (Dhillon and Modha 2001); its first rows are where it starts."""
    centres = sample[:count].copy()
    for _ in range(_ROUNDS):
        cluster = (sample @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, cluster, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
    return centres


def _order(ids: list[bytes]) -> Hashes:
    """A number for each id: which rows are sampled depends on nothing else."""
    return np.array([xxhash.xxh3_64_intdigest(value) for value in ids], dtype=np.uint64)
