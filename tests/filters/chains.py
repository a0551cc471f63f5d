"""Chains for tests: from a list of filters by name, with settings, on rows of the SAMPLE schema."""

from gristmill.filters.build import Surroundings, build_chain
from gristmill.params.filters import FilterParams
from tests.closure import ROOT
from tests.samples import batch_of


def chain_of(*filters, folder=ROOT, changes=None, root=ROOT):
    """The chain of these filters: names, or mappings with a name and settings."""
    entries = [{"name": each} if isinstance(each, str) else each for each in filters]
    params = FilterParams.model_validate({"filters": entries} if entries else {})
    return build_chain(params, Surroundings(root, folder, changes=changes or {}))


def reasons(chain, rows):
    """Why the rows are refused, by their number."""
    return {row: finding.reason for row, finding in chain.judge(batch_of(rows)).refused.items()}


def outcome(chain, rows, folder, *, batch_rows=1000):
    """What the whole chain makes of the rows: kept rows, and the refused ones' ids with their reasons."""
    batches = [batch_of(rows[start : start + batch_rows]) for start in range(0, len(rows), batch_rows)]
    kept, refused = [], {}
    for done in chain.run(batches, folder):
        kept += done.kept.to_pylist()
        ids = done.refused["sample_id"].to_pylist()
        refused |= {id_: (finding.filter, finding.reason) for id_, finding in zip(ids, done.findings, strict=True)}
    return kept, refused
