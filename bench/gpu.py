"""The engine loop on a GPU over `LLM.generate`, and how busy the GPU was. One file; it needs vLLM (from 0.26 on).

    python -m bench.gpu                    SmolLM2-135M's architecture, and one of 8 billion weights
    python -m bench.gpu --quick            the small one, 2 pairs
    python bench/gpu.py --max-num-seqs 512 --max-num-batched-tokens 32768

Weights are random (`load_format=dummy`), configuration and tokenizer are made here: nothing is downloaded, and the
speed is that of real weights. Every request has a prompt of its own and ends after a number of tokens that is set
beforehand, so both sides do the same work. The left side is what Gristmill does with vLLM: AsyncLLM, final outputs
only, as many requests under way as the batch holds and an eighth more; the right side is vLLM's batch call with all of
them. Each has a process and an engine of its own on the same GPU; they take turns, prefix caches are emptied before
each, engine start is left out. (`bench.saturation` measures the whole generate stage.)

Prints one JSON object as its last line: for each model `tokens_per_s`, `tokens_per_s_raw`, `ratio` (median over the
pairs, with its spread) and `gpu_busy` (share of the left side's time, by NVML). Without a GPU it says `skipped` and
why.
"""

import argparse
import asyncio
import ctypes
import importlib.util
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

MODELS: dict[str, dict[str, int]] = {
    "SmolLM2-135M": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49152,
    },
    "Llama-8B": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    },
}
"""Dimensions of HuggingFaceTB/SmolLM2-135M and of meta-llama/Llama-3.1-8B."""
PROMPT_TOKENS = 256
ANSWER_TOKENS = (64, 448)
REQUESTS_PER_PLACE = 9
"""Requests over the batch's size: at least 8 for each one under way."""
SAMPLE_SECONDS = 0.1


def main() -> None:
    """Measures and prints."""
    given = arguments(sys.argv[1:])
    missing = why_skipped()
    if missing:
        print(json.dumps({"skipped": missing}))
        return
    models = given.model or list(MODELS)[: 1 if given.quick else None]
    print(json.dumps({"vllm": vllm_version(), **{name: measure(name, given) for name in models}}))


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small model, 2 pairs")
    parser.add_argument("--model", action="append", choices=list(MODELS))
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--max-num-seqs", type=int, default=256)
    parser.add_argument("--max-num-batched-tokens", type=int, default=8192)
    given = parser.parse_args(words)
    given.pairs = given.pairs or (2 if given.quick else 5)
    return given


def why_skipped() -> str:
    """What is missing here; empty when all is there."""
    if importlib.util.find_spec("vllm") is None:
        return "vLLM is not installed"
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return "no NVIDIA driver, so no GPU, here"
    from vllm.third_party import pynvml

    try:
        pynvml.nvmlInit()
        return "" if pynvml.nvmlDeviceGetCount() else "no NVIDIA GPU here"
    except pynvml.NVMLError as error:
        return f"no NVIDIA GPU here: {error}"


def vllm_version() -> str:
    """The installed vLLM's."""
    import vllm

    return str(vllm.__version__)


def measure(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """All pairs of one model."""
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        write_model(Path(folder), MODELS[name])
        engine = {
            "model": folder,
            "load_format": "dummy",
            "max_model_len": PROMPT_TOKENS + ANSWER_TOKENS[1],
            "max_num_seqs": given.max_num_seqs,
            "max_num_batched_tokens": given.max_num_batched_tokens,
            "gpu_memory_utilization": 0.42,
            "disable_log_stats": True,
        }
        loop, raw = Worker(loop_side, engine), Worker(raw_side, engine)
        try:
            return pairs_of(loop, raw, given.pairs, work(given.max_num_seqs, MODELS[name]["vocab_size"]))
        finally:
            loop.end()
            raw.end()


def pairs_of(loop: "Worker", raw: "Worker", pairs: int, requests: list[tuple[list[int], int]]) -> dict[str, Any]:
    """The figures of one model; a first short turn of each side is not counted."""
    tokens = sum(length for _, length in requests)
    for worker in (loop, raw):
        worker.turn(requests[: len(requests) // 8])
    ours, theirs, busy = [], [], []
    for _ in range(pairs):
        seconds, share = watched(lambda: loop.turn(requests))
        ours.append(tokens / seconds)
        busy.append(share)
        theirs.append(tokens / raw.turn(requests))
    ratios = [left / right for left, right in zip(ours, theirs, strict=True)]
    return {
        "tokens_per_s": round(statistics.median(ours)),
        "tokens_per_s_raw": round(statistics.median(theirs)),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "gpu_busy": round(statistics.median(busy), 3),
        "requests": len(requests),
        "pairs": pairs,
    }


def work(places: int, vocabulary: int) -> list[tuple[list[int], int]]:
    """Prompts as token ids, each with the length of its answer; the same in every run."""
    chance = random.Random(7)
    return [
        ([chance.randrange(10, vocabulary) for _ in range(PROMPT_TOKENS)], chance.randint(*ANSWER_TOKENS))
        for _ in range(places * REQUESTS_PER_PLACE * 9 // 8)
    ]


def write_model(folder: Path, dimensions: dict[str, int]) -> None:
    """A model's folder without weights: configuration, and a tokenizer with a word for each token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "bfloat16",
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 1,
        **dimensions,
    }
    (folder / "config.json").write_text(json.dumps(config))
    words = {f"word{number}": number for number in range(dimensions["vocab_size"])}
    tokenizer = Tokenizer(WordLevel(words, unk_token="word0"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "word0", "eos_token": "word1"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))


class Worker:
    """A process with an engine, which does one turn after another."""

    def __init__(self, side: Any, engine: dict[str, Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=side, args=(other, engine))
        self._process.start()
        other.close()
        self._connection.recv()  # the engine is ready: two that start at once would misjudge the GPU's free memory

    def turn(self, requests: list[tuple[list[int], int]]) -> float:
        """Seconds that all of them took. Raises EOFError when the process is gone."""
        self._connection.send(requests)
        return float(self._connection.recv())

    def end(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.join(60)
        self._process.kill()


def loop_side(connection: Any, engine: dict[str, Any]) -> None:
    """Gristmill's way: AsyncLLM with a bounded number of requests under way."""
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    async def serve() -> None:
        llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**engine))
        connection.send("ready")
        places = engine["max_num_seqs"] + engine["max_num_seqs"] // 8
        while (requests := receive(connection)) is not None:
            ready = [(prompt, params(length)) for prompt, length in requests]
            await llm.reset_prefix_cache()
            start = time.perf_counter()
            await ask_all(llm, ready, places)
            connection.send(time.perf_counter() - start)
        llm.shutdown()

    asyncio.run(serve())


async def ask_all(llm: Any, requests: list[tuple[list[int], Any]], places: int) -> None:
    """Each request, in order, as soon as there is a place."""
    line = iter(enumerate(requests))

    async def walk() -> None:
        for number, (prompt, sampling) in line:
            async for _ in llm.generate({"prompt_token_ids": prompt}, sampling, f"{time.time_ns()}-{number}"):
                pass

    await asyncio.gather(*(walk() for _ in range(places)))


def raw_side(connection: Any, engine: dict[str, Any]) -> None:
    """The batch call of vLLM itself."""
    from vllm import LLM

    llm = LLM(**engine)
    connection.send("ready")
    while (requests := receive(connection)) is not None:
        prompts: Any = [{"prompt_token_ids": prompt} for prompt, _ in requests]
        ready = [params(length) for _, length in requests]
        llm.reset_prefix_cache()
        start = time.perf_counter()
        llm.generate(prompts, ready, use_tqdm=False)
        connection.send(time.perf_counter() - start)


def receive(connection: Any) -> Any:
    """The next turn's requests; None when there are no more."""
    try:
        return connection.recv()
    except EOFError:
        return None


def params(length: int) -> Any:
    """An answer of exactly so many tokens."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(temperature=1.0, max_tokens=length, ignore_eos=True, output_kind=RequestOutputKind.FINAL_ONLY)


def watched(turn: Any) -> tuple[float, float]:
    """The turn's seconds, and the share of its time in which the GPU was busy."""
    from vllm.third_party import pynvml

    pynvml.nvmlInit()
    gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
    found: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_SECONDS):
            found.append(pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        seconds = turn()
    finally:
        over.set()
        watcher.join()
    return seconds, statistics.fmean(found) / 100 if found else 0.0


if __name__ == "__main__":
    main()
