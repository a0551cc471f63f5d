"""The chain: filters in order, the cheap ones first; each sees only what those before it kept.

Here alone stands which filters there are, in what order a run has them, and what each is made of: `length form
boilerplate`, the published four (`gopher_quality gopher_repetition c4 fineweb`, off unless params name them),
`language support duplicates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.errors import InputError
from gristmill.filters.boilerplate import Boilerplate
from gristmill.filters.c4 import C4
from gristmill.filters.duplicates import Duplicates
from gristmill.filters.fineweb import Fineweb
from gristmill.filters.form import Form
from gristmill.filters.gopher_quality import GopherQuality
from gristmill.filters.gopher_repetition import GopherRepetition
from gristmill.filters.language import Language
from gristmill.filters.length import Length
from gristmill.filters.standard import Standard, TextFilter
from gristmill.filters.support import Support
from gristmill.filters.verdict import Filter, Finding, Verdicts
from gristmill.params.select import FilterParams


@dataclass(frozen=True)
class Chain:
    """Several filters as one; the first that refuses a row gives the reason, and its name."""

    filters: Sequence[Filter]

    name = "chain"

    @property
    def names(self) -> list[str]:
        """The filters' names in order, each of the published ones for itself."""
        return [name for check in self.filters for name in check.name.split("+")]

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row of the batch."""
        refused: dict[int, Finding] = {}
        alive = np.arange(batch.num_rows)
        for check in self.filters:
            verdicts = check.judge(batch if len(alive) == batch.num_rows else batch.take(pa.array(alive)))
            for row, finding in verdicts.refused.items():
                refused[int(alive[row])] = finding if finding.filter else replace(finding, filter=check.name)
            alive = alive[verdicts.kept]
        return Verdicts(batch.num_rows, refused)


def build_chain(params: FilterParams) -> Chain:
    """The filters that the parameters ask for. Duplicates come last: a refused row must not hide a good one."""
    filters: list[Filter] = [Length(params.length), Form(params.form), Boilerplate(params.boilerplate)]
    if published := published_filters(params):
        filters.append(Standard(published, params.text_column.value))
    filters.append(Language(params.language))
    if params.support is not None:
        filters.append(Support(params.support))
    return Chain([*filters, Duplicates()])


def published_filters(params: FilterParams) -> list[TextFilter]:
    """Those of the four published filters that the parameters name, in order."""
    found: list[TextFilter] = []
    if params.gopher_quality is not None:
        found.append(GopherQuality(params.gopher_quality))
    if params.gopher_repetition is not None:
        found.append(GopherRepetition(params.gopher_repetition))
    if params.c4 is not None:
        found.append(C4(params.c4))
    if params.fineweb is not None:
        found.append(Fineweb(params.fineweb))
    return found


ON_TEXTS = ("length", "boilerplate", "gopher_quality", "gopher_repetition", "c4", "fineweb", "language", "duplicates")
"""Filters that need one text only; the others hold a row against its prompt or its seed."""


def build_text_chain(names: Sequence[str], params: FilterParams, column: str) -> Chain:
    """These filters, in this order, on one text column of any table. Raises InputError for a name that is none."""
    filters: list[Filter] = []
    for name in names:
        check = _on_texts(name, params, column)
        before = filters[-1] if filters else None
        if isinstance(check, Standard) and isinstance(before, Standard):
            filters[-1] = Standard([*before.checks, *check.checks], column)  # one view of the texts serves both
        else:
            filters.append(check)
    return Chain(filters)


@dataclass(frozen=True)
class OnColumn:
    """A filter on prompts and responses, for which one column is the response, and there is no prompt."""

    check: Filter
    column: str

    @property
    def name(self) -> str:
        """The filter's name."""
        return self.check.name

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, by the text in the column."""
        texts = pc.fill_null(batch[self.column].cast(pa.string()), "")
        prompts = pa.array([""] * len(texts), pa.string())
        return self.check.judge(pa.RecordBatch.from_arrays([prompts, texts], ["prompt", "response"]))


def _on_texts(name: str, params: FilterParams, column: str) -> Filter:
    match name:
        case "length":
            return OnColumn(Length(params.length.model_copy(update={"min_prompt_words": 0})), column)
        case "boilerplate":
            return OnColumn(Boilerplate(params.boilerplate), column)
        case "language":
            return OnColumn(Language(params.language), column)
        case "duplicates":
            return OnColumn(Duplicates(), column)
        case "gopher_quality" | "gopher_repetition" | "c4" | "fineweb":
            alone = FilterParams.model_validate({name: getattr(params, name) or {}})
            return Standard(published_filters(alone), column)
        case "form" | "support":
            raise InputError(
                f"the filter {name} needs more than a text: a prompt, or the seed", expected=", ".join(ON_TEXTS)
            )
        case _:
            raise InputError(f"there is no filter {name!r}", expected=f"some of {', '.join(ON_TEXTS)}")
