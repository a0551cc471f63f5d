"""generate: what it asks, what it writes, and that nothing is asked or lost twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gristmill.errors import BudgetExhausted, GristmillError, InputError
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.stages import generate
from tests.stages.generation import RECIPE, Workspace


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "counting_script", raising=False)
    yield Workspace(tmp_path / "ws")
    sys.modules.pop("counting_script", None)


def run_in_process(ws: Workspace, **environment: str) -> int:
    """The stage as DVC's worker runs it; gives its exit status (negative: the signal that ended it)."""
    command = [sys.executable, "-m", "gristmill.stages", "generate"]
    return subprocess.run(command, cwd=ws.root, env={**os.environ, **environment}, capture_output=True).returncode


def test_samples_carry_their_values_and_where_they_come_from(ws: Workspace) -> None:
    generate.run(ws.layout)

    first = ws.rows(Stage.GENERATE)[0]
    assert (first["prompt"], first["response"]) == ("What is topic0.?", "topic0.")
    assert first["context"] == "Something about topic0."
    assert first["evidence"] is None
    assert json.loads(first["fields"]) == {"topic": "topic0.", "question": "What is topic0.?"}
    assert (first["recipe"], first["draw"], first["depth"]) == ("mine", 0, 1)
    assert (first["model"], first["engine"]) == ("scripted:counting_script:answer", "scripted")
    assert json.loads(first["sampling"])["topic"]["temperature"] == 0.7
    assert len(first["request_keys"]) == len(set(first["prompt_hashes"])) == 2
    assert (first["prompt_tokens"], first["completion_tokens"]) == (8, 4)


def test_invalid_answers_are_asked_again_and_then_rejected_with_the_raw_answer(ws: Workspace) -> None:
    generate.run(ws.layout)

    books = read_books(ws.layout, Stage.GENERATE)
    assert books["books"][0] == {
        "unit": "samples",
        "in": 10,
        "out": 9,
        "rejected": {"question_not_asked": 1},
        "failed": {},
    }
    (reject,) = ws.rejects(Stage.GENERATE)
    assert (reject["reason"], reject["text"], reject["threshold"]) == ("question_not_asked", "No.", "'?' in question")
    third = ws.rows(Stage.GENERATE)[3]
    assert third["prompt"] == "What is topic3.?"
    assert len(third["request_keys"]) == 3


def test_books_count_requests_and_tokens_alike_whoever_answered(ws: Workspace) -> None:
    generate.run(ws.layout)
    first = ws.contents(Stage.GENERATE)
    generate.run(ws.layout)

    assert ws.contents(Stage.GENERATE) == first
    used = read_books(ws.layout, Stage.GENERATE)["used"]
    assert (used["requests"], used["requests_by_step"]) == (22, {"topic": 10, "question": 12})
    assert (used["seeds"], used["draws"], used["recipe"]) == (10, 1, "mine")
    metrics = json.loads(ws.layout.metrics(Stage.GENERATE).read_text())
    assert (metrics["requests_asked"], metrics["requests_from_journal"]) == (0, 22)


def test_metrics_tell_what_the_data_cost_and_what_this_run_paid(ws: Workspace) -> None:
    params = yaml.safe_load(ws.layout.params.read_text())
    prices = {"usd_per_million_prompt_tokens": 1000, "usd_per_million_completion_tokens": 10_000}
    ws.layout.params.write_text(yaml.safe_dump({**params, "cost": prices}))
    generate.run(ws.layout)
    first = json.loads(ws.layout.metrics(Stage.GENERATE).read_text())
    generate.run(ws.layout)
    again = json.loads(ws.layout.metrics(Stage.GENERATE).read_text())

    total = first["cost"]["total"]
    assert total["usd"] == round(total["prompt_tokens"] / 1000 + total["completion_tokens"] / 100, 6) > 0
    assert first["cost"]["per_accepted_row"]["usd"] == round(total["usd"] / 9, 9)
    assert {step: cost["requests"] for step, cost in first["cost"]["by_recipe"]["mine"]["steps"].items()} == {
        "topic": 10,
        "question": 12,
    }
    assert first["paid_by_this_run"]["usd"] == total["usd"]
    assert again["cost"] == first["cost"]
    assert (again["paid_by_this_run"]["requests"], again["paid_by_this_run"]["usd"]) == (0, 0.0)


def test_exhausted_budget_writes_nothing_keeps_the_answers_and_goes_on_where_it_stopped(ws: Workspace) -> None:
    params = yaml.safe_load(ws.layout.params.read_text())
    ws.layout.params.write_text(yaml.safe_dump({**params, "budget": {"requests": 7}}))
    with pytest.raises(BudgetExhausted, match="requests 7 of 7"):
        generate.run(ws.layout)
    assert not ws.layout.data(Stage.GENERATE).exists()

    ws.layout.params.write_text(yaml.safe_dump({**params, "budget": {"requests": 22}}))
    generate.run(ws.layout)

    assert len(ws.asked()) == len(set(ws.asked())) == 22
    assert len(ws.rows(Stage.GENERATE)) == 9


def test_second_run_asks_nothing(ws: Workspace) -> None:
    generate.run(ws.layout)
    assert len(ws.asked()) == 22
    ws.forget_asked()
    generate.run(ws.layout)
    assert ws.asked() == []


def test_journaled_run_starts_no_engine_and_loads_no_vllm(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    generate.run(ws.layout)

    from gristmill.engine import scripted

    async def refuse(_: object) -> None:
        raise AssertionError("the engine was started")

    monkeypatch.setattr(scripted.ScriptedEngine, "start", refuse)
    generate.run(ws.layout)
    assert len(ws.rows(Stage.GENERATE)) == 9


_FROM_JOURNAL = """
import sys
from pathlib import Path
from gristmill.layout import Layout
from gristmill.stages import generate
generate.run(Layout(Path(sys.argv[1])))
print(sorted({"vllm", "torch", "transformers"} & set(sys.modules)))
"""


def test_journaled_run_of_the_real_model_loads_no_vllm(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.engine.scripted import load_script
    from gristmill.engine.vllm import VllmEngine

    script = load_script("counting_script:answer", ws.root)

    async def ready(_: VllmEngine) -> None:
        return None

    monkeypatch.setattr(VllmEngine, "start", ready)
    monkeypatch.setattr(VllmEngine, "ask", lambda _, request: script.ask(request))
    ws.write_params(kind="vllm", script=None)
    generate.run(ws.layout)
    first = ws.contents(Stage.GENERATE)

    command = [sys.executable, "-c", _FROM_JOURNAL, str(ws.root)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert loaded == "[]"
    assert ws.contents(Stage.GENERATE) == first
    assert ws.rows(Stage.GENERATE)[0]["model"] == "SmolLM2-135M-Instruct"


def test_changed_template_asks_again_only_what_it_touches(ws: Workspace) -> None:
    generate.run(ws.layout)
    before = [row["sample_id"] for row in ws.rows(Stage.GENERATE)]
    ws.forget_asked()
    ws.write_recipe(RECIPE.replace("Ask about: ", "Now ask about: "))
    generate.run(ws.layout)

    assert {json.loads(line)[0] for line in ws.asked()} == {"question"}
    assert len(ws.asked()) == 12
    assert set(before).isdisjoint(row["sample_id"] for row in ws.rows(Stage.GENERATE))


def test_new_seed_asks_only_for_itself(ws: Workspace) -> None:
    generate.run(ws.layout)
    ws.forget_asked()
    ws.write_seeds(11)
    ws.write_quota(11)
    generate.run(ws.layout)
    assert [json.loads(line)[1] for line in ws.asked()] == ["Topic of: Something about topic10.", "Ask about: topic10."]


def test_draws_of_a_seed_are_asked_apart(ws: Workspace) -> None:
    ws.write_quota(2, draws=3)
    generate.run(ws.layout)

    rows = ws.rows(Stage.GENERATE)
    assert [row["draw"] for row in rows] == [0, 1, 2, 0, 1, 2]
    assert len({row["sample_id"] for row in rows}) == 6
    assert len(ws.asked()) == 12


def test_quota_spreads_seeds_evenly(ws: Workspace) -> None:
    ws.write_quota(3)
    generate.run(ws.layout)
    assert [row["context"] for row in ws.rows(Stage.GENERATE)] == [
        "Something about topic0.",
        "Something about topic3.",
        "Something about topic6.",
    ]


def test_width_changes_nothing_in_the_data(ws: Workspace) -> None:
    generate.run(ws.layout)
    wide = ws.contents(Stage.GENERATE)
    ws.write_params(max_in_flight=1)
    ws.layout.journal.unlink()
    generate.run(ws.layout)
    assert ws.contents(Stage.GENERATE) == wide


def test_killed_run_loses_nothing_and_asks_again_only_what_was_open(tmp_path: Path) -> None:
    killed, whole = Workspace(tmp_path / "killed", seeds=1500), Workspace(tmp_path / "whole", seeds=1500)
    assert run_in_process(whole) == 0

    assert run_in_process(killed, DIE_AFTER="700") == -signal.SIGKILL
    assert not killed.layout.data(Stage.GENERATE).exists()
    from gristmill.engine.lookup import JournalReader

    committed = JournalReader(killed.layout.journal).count()
    before = killed.asked()
    killed.forget_asked()
    assert run_in_process(killed) == 0

    again = set(before) & set(killed.asked())
    assert committed >= 256
    assert len(again) == len(before) - committed
    assert len(before) + len(killed.asked()) - len(again) == len(whole.asked())
    assert killed.contents(Stage.GENERATE) == whole.contents(Stage.GENERATE)


def test_engine_failure_of_one_request_fails_that_sample_alone(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.engine.scripted import ScriptedEngine
    from gristmill.recipes.request import Answer, Request, RequestFailed

    ask = ScriptedEngine.ask

    async def fails_once(engine: ScriptedEngine, request: Request) -> Answer:
        if "topic4" in (request.prompt or ""):
            raise RequestFailed("engine_refused", "bad grammar")
        return await ask(engine, request)

    monkeypatch.setattr(ScriptedEngine, "ask", fails_once)
    generate.run(ws.layout)

    assert read_books(ws.layout, Stage.GENERATE)["books"][0]["failed"] == {"topic_engine_refused": 1}
    assert len(ws.rows(Stage.GENERATE)) == 8


def test_dead_engine_ends_the_stage_and_keeps_what_was_answered(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.engine.protocol import EngineDied
    from gristmill.engine.scripted import ScriptedEngine
    from gristmill.recipes.request import Answer, Request

    ask = ScriptedEngine.ask

    async def dies(engine: ScriptedEngine, request: Request) -> Answer:
        if "topic9" in (request.prompt or ""):
            raise EngineDied("the engine died")
        return await ask(engine, request)

    ws.write_params(restarts=0)
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedEngine, "ask", dies)
        with pytest.raises(EngineDied, match="the engine died, after it had been started again 0 times"):
            generate.run(ws.layout)
    assert not ws.layout.data(Stage.GENERATE).exists()

    first = ws.asked()
    ws.forget_asked()
    generate.run(ws.layout)
    assert set(first).isdisjoint(ws.asked())


def test_request_that_kills_the_engine_fails_its_sample_alone_and_is_not_asked_by_the_next_run(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gristmill.engine.protocol import EngineDied
    from gristmill.engine.quarantine import Quarantine
    from gristmill.engine.scripted import ScriptedEngine
    from gristmill.recipes.request import Answer, Request

    ask = ScriptedEngine.ask
    deaths: list[Request] = []

    async def dies(engine: ScriptedEngine, request: Request) -> Answer:
        if "topic4" in (request.prompt or ""):
            deaths.append(request)
            raise EngineDied("the engine died")
        return await ask(engine, request)

    monkeypatch.setattr(ScriptedEngine, "ask", dies)
    for _ in range(2):
        generate.run(ws.layout)

        assert read_books(ws.layout, Stage.GENERATE)["books"][0]["failed"] == {"topic_kills_engine": 1}
        assert len(ws.rows(Stage.GENERATE)) == 8
        assert len(deaths) == 3
    (entry,) = Quarantine(ws.layout.journal).entries()
    assert entry.asked["asked"] == "Topic of: Something about topic4."


def test_nothing_accepted_is_an_error_with_the_reasons(ws: Workspace) -> None:
    ws.write_recipe(RECIPE.replace("'?' in question", "'!' in question"))
    with pytest.raises(GristmillError, match=r"not one of 10 samples was accepted: question_not_asked \(10\)"):
        generate.run(ws.layout)
    assert not ws.layout.data(Stage.GENERATE).exists()


def test_quota_without_the_recipe_says_what_to_run(ws: Workspace) -> None:
    ws.write_quota(3, recipe="another")
    with pytest.raises(InputError, match="gristmill sync"):
        generate.run(ws.layout)


def test_control_characters_and_quotes_in_a_seed_reach_the_row_unchanged(ws: Workspace) -> None:
    from gristmill.frame.parquet import PartWriter
    from gristmill.schema import SEED
    from tests.stages.generation import seed

    text = 'He said "{{ 7 * 7 }}"; \\ <|im_start|> and left for topic1.'
    with PartWriter(ws.layout.data(Stage.INGEST), SEED) as out:
        out.append(seed(text))
    generate.run(ws.layout)
    assert [row["context"] for row in ws.rows(Stage.GENERATE)] == [text]
