"""filter: samples -> samples that pass every cheap check; the others go to `rejected/` with their reason.

What a recipe's own key `filters` changes holds for its samples.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from gristmill.compose.parent import fetch_index, open_parent, read_pin
from gristmill.dedup.files import parts_of
from gristmill.dedup.release import ReleaseIndex
from gristmill.filters.build import Surroundings, build_chain, recipe_changes, recipe_templates
from gristmill.filters.chain import Chain
from gristmill.filters.verdict import Finding
from gristmill.frame.books import Ledger
from gristmill.frame.parquet import count_rows, read_batches
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.compose import ComposeParams, Policy
from gristmill.params.filters import FilterParams
from gristmill.params.generate import GenerateParams
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams
from gristmill.schema import SAMPLE
from gristmill.store.client import connect


def run(layout: Layout) -> None:
    """Filters data/generate into data/filter."""
    source = layout.data(Stage.GENERATE)
    with stage_run(Stage.FILTER, layout) as run, _private_folder(layout) as folder:
        chain = chain_of(layout, folder)
        ledger, out = run.ledger("samples"), run.writer(SAMPLE)
        run.progress.total = count_rows(source)
        for done in chain.run(_counted(run, ledger, source), folder):
            out.write(done.kept)
            ledger.out += done.kept.num_rows
            for row, finding in zip(done.refused.to_pylist(), done.findings, strict=True):
                _refuse(run, ledger, row, finding)
        run.used(filters=chain.names, found=chain.facts())


def chain_of(layout: Layout, folder: Path) -> Chain:
    """The chain that params.yaml and the recipe ask for; `folder` is private to it."""
    recipes = [load_section(GenerateParams, layout.params, "generate").recipe]
    changes = recipe_changes(layout.recipes, recipes)
    templates = recipe_templates(layout.recipes, recipes)
    around = Surroundings(
        layout.root, folder, templates=templates, changes=changes, release=lambda spill: _release(layout, spill)
    )
    return build_chain(load_section(FilterParams, layout.params, "filter"), around)


def _release(layout: Layout, spill: Path) -> ReleaseIndex | None:
    """The parent release's index, where its rows are kept; what is dropped may come again."""
    pin = read_pin(layout.parent_lock)
    if pin is None or load_section(ComposeParams, layout.params, "compose").policy is Policy.REPLACE:
        return None
    read = connect(load_section(StoreParams, layout.params, "store")).read_address
    files = open_parent(pin, read).index
    return ReleaseIndex(parts_of(files, fetch_index(pin.manifest, files, read, layout.state / "cache")), spill)


def _counted(run: StageRun, ledger: Ledger, source: Path) -> Iterator[pa.RecordBatch]:
    for batch in read_batches(source):
        ledger.entered += batch.num_rows
        yield batch
        run.progress.advance(batch.num_rows)


def _refuse(run: StageRun, ledger: Ledger, row: dict[str, str], finding: Finding) -> None:
    text = f"prompt: {row['prompt']}\nresponse: {row['response']}\nevidence: {row['evidence'] or ''}"
    run.reject(
        ledger,
        Refusal(
            id=row["sample_id"],
            reason=finding.reason,
            value=finding.value,
            threshold=finding.threshold,
            where=f"seed {' '.join(row['seed_ids'])}",
            text=text,
        ),
    )


@contextmanager
def _private_folder(layout: Layout) -> Iterator[Path]:
    """A fresh folder for rows that wait; removed afterwards."""
    folder = layout.state / "tmp" / "filter-spill"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
