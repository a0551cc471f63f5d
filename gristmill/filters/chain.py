"""The chain: filters in order, the cheap ones first; each sees only what those before it kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gristmill.filters.boilerplate import Boilerplate
from gristmill.filters.duplicates import Duplicates
from gristmill.filters.form import Form
from gristmill.filters.language import Language
from gristmill.filters.length import Length
from gristmill.filters.support import Support
from gristmill.filters.verdict import Filter, Finding, Verdicts
from gristmill.params.select import FilterParams


@dataclass(frozen=True)
class Chain:
    """Several filters as one; the first that refuses a row gives the reason."""

    filters: Sequence[Filter]

    name = "chain"

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row of the batch."""
        refused: dict[int, Finding] = {}
        alive = np.arange(batch.num_rows)
        for check in self.filters:
            verdicts = check.judge(batch if len(alive) == batch.num_rows else batch.take(pa.array(alive)))
            refused.update({int(alive[row]): finding for row, finding in verdicts.refused.items()})
            alive = alive[verdicts.kept]
        return Verdicts(batch.num_rows, refused)


def build_chain(params: FilterParams) -> Chain:
    """The filters that the parameters ask for. Duplicates come last: a refused row must not hide a good one."""
    filters: list[Filter] = [
        Length(params.length),
        Form(params.form),
        Boilerplate(params.boilerplate),
        Language(params.language),
    ]
    if params.support is not None:
        filters.append(Support(params.support))
    return Chain([*filters, Duplicates()])
