"""How much of the engine's own speed a run gets: the whole generate stage over `LLM.generate`, in output tokens/s.

    python -m bench.saturation             5 pairs of one step, 5 pairs of three dependent steps
    python -m bench.saturation --quick     2 pairs of each, a third of the samples

The left side is the product's own path: seeds read, requests rendered, the journal on and cold, answers judged,
Parquet and books written. The right side is vLLM's own batch call with the very requests that the left side had just
asked, all at once, each sample's steps side by side. For three steps the left side cannot know a later request before
the earlier answer; the right side has them all.

Both have equal engine arguments, in a process and with an engine of their own; they take turns, and whoever waits
sleeps. Starting the engines is left out, prefix caches are emptied before each turn, nothing is seeded, and there are
at least 8 times as many requests as are under way at once. Answers are drawn, so the two sides write different texts:
that is why rates and not seconds are compared.

Prints one JSON object as its last line: `ratio_one_step` and `ratio_three_steps`, medians over the pairs with
`..._spread` (lowest and highest), each side's tokens/s, and the CPU time of each side's own process for a token,
which says more where others share the machine.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any
from unittest.mock import patch

import yaml

from bench.overhead import seed
from gristmill.engine.build import build_engine
from gristmill.engine.children import end_children
from gristmill.engine.guard import Guard
from gristmill.engine.in_flight import SAMPLE
from gristmill.engine.model import locate_model, ready_folder
from gristmill.engine.restarting import RestartingEngine
from gristmill.engine.vllm_start import engine_arguments, set_environment
from gristmill.frame.parquet import PartWriter
from gristmill.layout import Layout, Stage
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.request import Answer, Request
from gristmill.schema import SEED
from gristmill.stages import generate

RECIPES = Path(__file__).parent / "recipes"
PASSAGE_WORDS = 100
MAX_NUM_SEQS = 32
SAMPLES = {"one-step": 320, "three-steps": 120}
"""32 run, up to 8 wait: 320 requests are 8 times as many."""
MODEL = ModelParams(max_model_len=1024)
ENGINE = EngineParams(
    max_num_seqs=MAX_NUM_SEQS, max_num_batched_tokens=2048, kv_cache_gib=2, gpu_memory_utilization=0.4
)
IDLE_SECONDS = 2.0
"""vLLM's processes look for work without a pause for one second after their last request."""


@dataclass(frozen=True)
class Turn:
    """What one side did in one turn."""

    tokens: int
    seconds: float
    cpu: float
    """Seconds of CPU time that the side's own process took, its engine's processes left out."""

    @property
    def rate(self) -> float:
        """Output tokens a second."""
        return self.tokens / self.seconds


Asked = list[tuple[list[dict[str, str]], dict[str, Any]]]
"""Turns and sampling of each request."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 pairs, a third of the samples")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--only", choices=list(SAMPLES))
    given = parser.parse_args()
    share = 3 if given.quick else 1
    pairs = given.pairs or (2 if given.quick else 5)
    recipes = [given.only] if given.only else list(SAMPLES)
    stage, raw = Worker(stage_side), Worker(raw_side)
    try:
        found: dict[str, Any] = {"max_num_seqs": MAX_NUM_SEQS, "pairs": pairs}
        for recipe in recipes:
            found |= compare(stage, raw, recipe, SAMPLES[recipe] // share, pairs)
    finally:
        stage.end()
        raw.end()
    print(json.dumps({**found, "load_average": round(os.getloadavg()[0], 1)}))


def compare(stage: "Worker", raw: "Worker", recipe: str, samples: int, pairs: int) -> dict[str, Any]:
    """The pairs of one recipe; a first small one on each side is not counted."""
    raw.ask(stage.ask((recipe, MAX_NUM_SEQS))[1])
    ours, theirs, requests = [], [], 0
    for _ in range(pairs):
        turn, asked = stage.ask((recipe, samples))
        ours.append(turn)
        theirs.append(raw.ask(asked)[0])
        requests = len(asked)
        print(json.dumps({"recipe": recipe, "stage": asdict(ours[-1]), "raw": asdict(theirs[-1])}), flush=True)
    ratios = [left.rate / right.rate for left, right in zip(ours, theirs, strict=True)]
    name = recipe.replace("-", "_")
    return {
        f"ratio_{name}": round(statistics.median(ratios), 3),
        f"ratio_{name}_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        f"tokens_per_s_{name}": round(statistics.median(turn.rate for turn in ours), 1),
        f"tokens_per_s_{name}_raw": round(statistics.median(turn.rate for turn in theirs), 1),
        f"cpu_us_per_token_{name}": round(statistics.median(turn.cpu / turn.tokens for turn in ours) * 1e6),
        f"cpu_us_per_token_{name}_raw": round(statistics.median(turn.cpu / turn.tokens for turn in theirs) * 1e6),
        f"requests_{name}": requests,
    }


class Worker:
    """A process with an engine, which does one turn after another."""

    def __init__(self, side: Callable[[Connection], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=side, args=(other,))
        self._process.start()
        other.close()

    def ask(self, task: Any) -> tuple[Turn, Asked]:
        """One turn, after the other side has come to rest. Raises EOFError when the process is gone."""
        time.sleep(IDLE_SECONDS)
        self._connection.send(task)
        answer: tuple[Turn, Asked] = self._connection.recv()
        return answer

    def end(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join(60)
        self._process.kill()


def tasks(connection: Connection) -> Any:
    """What there is to do, until the other end closes."""
    while True:
        try:
            yield connection.recv()
        except EOFError:
            return


class Kept:
    """The product's engine, started once for all turns. Notes what it is asked."""

    def __init__(self, engine: RestartingEngine) -> None:
        self.engine = engine
        self.asked: list[tuple[int, Request, Answer]] = []
        self.started = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    async def start(self) -> None:
        """Starts it the first time."""
        if not self.started:
            await self.engine.start()
            self.started = True

    async def ask(self, request: Request) -> Answer:
        """The engine's answer."""
        answer = await self.engine.ask(request)
        self.asked.append((SAMPLE.get(), request, answer))
        return answer

    async def close(self) -> None:
        """Later."""


def stage_side(connection: Connection) -> None:
    """Runs the stage, once for each task (a recipe and a number of samples), all on one event loop."""
    folder = Path(tempfile.mkdtemp(prefix="gristmill-bench-"))
    built = build_engine(ENGINE, MODEL, folder)
    assert isinstance(built, RestartingEngine)
    engine = Kept(built)
    try:
        with (
            asyncio.Runner() as runner,
            patch.object(asyncio, "run", runner.run),
            patch.object(generate, "build_engine", lambda *_: engine),
        ):
            for number, (recipe, samples) in enumerate(tasks(connection)):
                connection.send(stage_turn(engine, runner, workspace(folder / str(number), recipe, samples)))
            runner.run(built.close())
    finally:
        shutil.rmtree(folder)


def stage_turn(engine: Kept, runner: asyncio.Runner, layout: Layout) -> tuple[Turn, Asked]:
    """One run of the whole stage, its prefix cache empty; and what was asked, sample by sample."""
    runner.run(engine.start())
    runner.run(engine.engine._engine._llm.reset_prefix_cache())  # type: ignore[attr-defined]
    engine.asked.clear()
    start, cpu = time.perf_counter(), time.process_time()
    generate.run(layout)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    asked = sorted(engine.asked, key=lambda each: each[0])
    tokens = sum(answer.completion_tokens for _, _, answer in asked)
    return Turn(tokens, seconds, cpu), [
        ([asdict(turn) for turn in request.messages], asdict(request.sampling)) for _, request, _ in asked
    ]


def raw_side(connection: Connection) -> None:
    """Answers each task's requests by one call of `LLM.generate`."""
    set_environment()
    os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(round(ENGINE.kv_cache_gib))
    import torch
    from vllm import LLM

    guard = Guard()  # else a killed benchmark would leave the engine running
    folder = ready_folder(locate_model(MODEL, Path.cwd()))
    llm = LLM(**engine_arguments(folder, MODEL, ENGINE, on_gpu=torch.cuda.is_available()))
    guard.engine_is_up()
    render = llm.get_tokenizer().apply_chat_template
    for asked in tasks(connection):
        prompts = [str(render(turns, tokenize=False, add_generation_prompt=True)) for turns, _ in asked]
        params = [sampling(values) for _, values in asked]
        llm.reset_prefix_cache()
        start, cpu = time.perf_counter(), time.process_time()
        outputs = llm.generate(prompts, params, use_tqdm=False)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
        connection.send((Turn(tokens, seconds, cpu), []))
    end_children()
    guard.let_go()


def sampling(values: dict[str, Any]) -> Any:
    """A request's sampling as vLLM's, for a batch call: final outputs only, as on the other side."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    keep = values.pop("keep_stop")
    return SamplingParams(
        **{**values, "stop": list(values["stop"])},
        include_stop_str_in_output=keep,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def workspace(root: Path, recipe: str, samples: int) -> Layout:
    """A fresh folder with seeds, recipe, quota and parameters."""
    layout = Layout(root)
    (root / "recipes").mkdir(parents=True)
    shutil.copy(RECIPES / f"{recipe}.yaml", root / "recipes")
    layout.quota_lock.parent.mkdir()
    layout.quota_lock.write_text(json.dumps({"version": 1, "recipes": {recipe: {"seeds": samples, "draws": 1}}}))
    layout.params.write_text(yaml.safe_dump({"generate": {"recipe": recipe, "attempts": 1}}))
    words = " ".join(topics.values()).split()
    with PartWriter(layout.data(Stage.INGEST), SEED) as out:
        for number in range(samples):
            start = number * 97 % (len(words) - PASSAGE_WORDS)
            out.append(seed(" ".join(words[start : start + PASSAGE_WORDS])))
    return layout


if __name__ == "__main__":
    main()
