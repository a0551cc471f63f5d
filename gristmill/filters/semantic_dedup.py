"""Rows that say the same in other words, within the run: see `gristmill.dedup.semantic`.

The text of a row, its id and its score are those of `near_dedup`. The measured value is the id of the row that stays.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.dedup.embedders import Embedder, embedder
from gristmill.dedup.rows import row_texts
from gristmill.dedup.semantic import Kept, SemanticDuplicates
from gristmill.filters.near_dedup import row_ids, row_scores
from gristmill.filters.verdict import Finding, Verdicts
from gristmill.params.duplicates import SemanticDedupParams


class SemanticDedup:
    """All rows are added, then each is judged."""

    name = "semantic_dedup"

    def __init__(self, params: SemanticDedupParams, folder: Path) -> None:
        """`folder` is private to this filter; the model is loaded when the first rows come."""
        self._params, self._folder = params, folder
        self._embed: Embedder | None = None
        self._rows: SemanticDuplicates | None = None
        self._found: Kept | None = None
        self._judged = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes notice of a batch. Raises GristmillError when a text gets no vector."""
        if self._embed is None:
            self._embed = embedder(self._params.model, self._params.endpoint)
        self._rows = self._rows or SemanticDuplicates(self._folder, self._params.threshold)
        texts = row_texts(batch)
        vectors = self._embed([text or "" for text in texts.to_pylist()])
        self._rows.add(vectors, row_ids(batch, texts), row_scores(batch, texts, self._params.keep_by, self.name))

    def resolve(self) -> None:
        """Finds what says the same."""
        if self._rows is not None:
            self._found = self._rows.resolve()

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for the next rows, in the order in which they were added."""
        first, self._judged = self._judged, self._judged + batch.num_rows
        if self._found is None or self._rows is None:
            return Verdicts(batch.num_rows, {})
        threshold = f"cosine below {self._params.threshold:g}"
        refused = np.flatnonzero(~self._found.kept[first : self._judged]).tolist()
        stays = {row: self._rows.id(int(self._found.nearest[first + row])) for row in refused}
        return Verdicts(
            batch.num_rows, {row: Finding("semantic_duplicate", id_, threshold) for row, id_ in stays.items()}
        )

    def facts(self) -> Mapping[str, int]:
        """Nothing beside the reasons."""
        return {}
