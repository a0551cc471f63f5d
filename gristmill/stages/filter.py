"""filter: samples -> samples that pass every cheap check; the others go to `rejected/` with their reason."""

import pyarrow as pa

from gristmill.filters.chain import build_chain
from gristmill.filters.verdict import Finding
from gristmill.frame.books import Ledger
from gristmill.frame.parquet import count_rows, read_batches
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.load import load_section
from gristmill.params.select import FilterParams
from gristmill.schema import SAMPLE


def run(layout: Layout) -> None:
    """Filters data/generate into data/filter."""
    chain = build_chain(load_section(FilterParams, layout.params, "filter"))
    source = layout.data(Stage.GENERATE)
    with stage_run(Stage.FILTER, layout) as run:
        ledger, out = run.ledger("samples"), run.writer(SAMPLE)
        run.progress.total = count_rows(source)
        for batch in read_batches(source):
            verdicts = chain.judge(batch)
            kept = batch.filter(pa.array(verdicts.kept))
            out.write(kept)
            ledger.entered += batch.num_rows
            ledger.out += kept.num_rows
            for row, finding in sorted(verdicts.refused.items()):
                _refuse(run, ledger, batch, row, finding)
            run.progress.advance(batch.num_rows)
        run.used(filters=chain.names)


def _refuse(run: StageRun, ledger: Ledger, batch: pa.RecordBatch, row: int, finding: Finding) -> None:
    sample = {name: batch[name][row].as_py() for name in ("sample_id", "prompt", "response", "evidence", "seed_ids")}
    text = f"prompt: {sample['prompt']}\nresponse: {sample['response']}\nevidence: {sample['evidence'] or ''}"
    run.reject(
        ledger,
        Refusal(
            id=sample["sample_id"],
            reason=finding.reason,
            value=finding.value,
            threshold=finding.threshold,
            where=f"seed {' '.join(sample['seed_ids'])}",
            text=text,
        ),
    )
