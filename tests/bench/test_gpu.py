"""The parts of `bench.gpu` that need no GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.gpu import MODELS, arguments, ask_all, why_skipped, work, write_model

SCRIPT = Path(__file__).parents[2] / "bench" / "gpu.py"


def test_without_a_gpu_it_skips_and_says_why() -> None:
    if not why_skipped():
        pytest.skip("there is a GPU here")
    done = subprocess.run([sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {"skipped": why_skipped()}


def test_quick_means_fewer_pairs_unless_they_are_given() -> None:
    assert (arguments([]).pairs, arguments(["--quick"]).pairs, arguments(["--quick", "--pairs", "3"]).pairs) == (
        5,
        2,
        3,
    )


def test_unknown_model_is_refused_with_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--model", "GPT-9"])
    assert "'SmolLM2-135M', 'Llama-8B'" in capsys.readouterr().err


def test_work_is_the_same_each_time_and_eight_times_what_is_under_way() -> None:
    requests = work(64, 1000)
    assert requests == work(64, 1000)
    assert len(requests) >= 8 * (64 + 8)
    assert {len(prompt) for prompt, _ in requests} == {256}
    assert all(64 <= length <= 448 for _, length in requests)
    assert len({tuple(prompt) for prompt, _ in requests}) == len(requests)


def test_model_that_is_made_up_has_a_configuration_and_a_tokenizer_that_load(tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    write_model(tmp_path, MODELS["SmolLM2-135M"])

    assert AutoConfig.from_pretrained(tmp_path).num_hidden_layers == 30
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.decode([17, 49151]) == "word17 word49151"


async def test_loop_asks_everything_once_and_no_more_at_once_than_there_are_places() -> None:
    class Llm:
        under_way = most = 0
        asked: list[int]

        async def generate(self, prompt: dict, params: object, number: str):
            import asyncio

            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(0)
            self.asked.append(prompt["prompt_token_ids"][0])
            self.under_way -= 1
            yield None

    llm = Llm()
    llm.asked = []
    await ask_all(llm, [([number], None) for number in range(40)], places=6)

    assert sorted(llm.asked) == list(range(40))
    assert llm.most == 6
