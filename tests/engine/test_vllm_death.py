"""The real engine is killed in the middle of a run, and the run ends with every sample all the same."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gristmill.engine.asker import Asker
from gristmill.engine.build import build_engine
from gristmill.engine.children import engine_children
from gristmill.engine.drive import run_samples
from gristmill.engine.journal import open_journal
from gristmill.engine.restarting import RestartingEngine
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Message, Request, Sampling

pytestmark = [pytest.mark.engine, pytest.mark.system, pytest.mark.timeout(600)]

SAMPLES = 48
KILL_AFTER = 8


def _engine_core() -> psutil.Process:
    (core,) = [child for child in engine_children() if "EngineCore" in child.name() + " ".join(child.cmdline())]
    return core


def test_killed_engine_core_costs_a_restart_and_no_sample(tmp_path: Path) -> None:
    params = EngineParams(kind="vllm", max_num_seqs=8, kv_cache_gib=1)
    engine = build_engine(params, ModelParams(max_model_len=512), tmp_path)
    assert isinstance(engine, RestartingEngine)
    killed: list[int] = []

    async def walk(sample: int, ask: Asker) -> str:
        turn = Message("user", f"Write a sentence about the number {sample}.")
        answered = await ask(Request("s", Sampling(temperature=1.0, max_tokens=40), (turn,)))
        if ask.counts.asked == KILL_AFTER and not killed:
            core = _engine_core()
            killed.append(core.pid)
            core.kill()
        return answered.answer.text

    rows: list[tuple[int, str]] = []
    with open_journal(tmp_path / "journal.sqlite") as journal:
        asker = run_samples(
            range(SAMPLES), walk, lambda item, text: rows.append((item, text)), journal=journal, engine=engine
        )

    assert len(killed) == 1
    assert [item for item, _ in rows] == list(range(SAMPLES))
    assert all(text for _, text in rows)
    assert (engine.restarts, asker.counts.asked) == (1, SAMPLES)
    assert engine_children() == []


OWNER = """
import asyncio
import os
import subprocess
import sys
from pathlib import Path
from gristmill.engine.build import build_engine
from gristmill.engine.children import engine_children
from gristmill.params.generate import EngineParams, ModelParams

async def main():
    engine = build_engine(EngineParams(max_num_seqs=8, kv_cache_gib=1), ModelParams(max_model_len=512), Path.cwd())
    await engine.start()
    print(*(child.pid for child in engine_children()), flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_killed_owner_takes_its_engine_along(tmp_path: Path) -> None:
    (tmp_path / "owner.py").write_text(OWNER)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    owner = subprocess.Popen(
        [sys.executable, "owner.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    engine = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
    assert len(engine) >= 2, "an EngineCore and its worker"

    owner.kill()
    owner.wait()

    _, alive = psutil.wait_procs(engine, timeout=60)
    assert alive == []
