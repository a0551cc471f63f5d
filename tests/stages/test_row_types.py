"""Each type of row from `generate` to the published shards, with an engine that answers at once."""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from gristmill.export.shards import write_shards
from gristmill.frame.parquet import read_batches
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.schema import PUBLISHED
from gristmill.stages import compose, filter, generate, judge  # noqa: A004
from tests.stages.generation import Workspace

SCRIPT = """
import json

def answer(request):
    if request.step == "verdict":
        return json.dumps({"fault": "none", "mark": 4})
    if request.step == "pairs":
        return json.dumps([{"q": f"What is part {i} of it?", "a": "" if i == 1 else f"Part {i}."} for i in range(3)])
    if request.step == "drafts":
        return "A short one." if request.path else "A much longer answer than that."
    return "It is about a topic."
"""
RECIPE = "name: mine\nsummary: A.\ninputs: [passage]\nsteps:\n  - {name: reply, prompt: 'On {{ passage }}'}\n"
TYPES = {
    "sft": "output: {prompt: 'What is it about?', response: '{{ reply }}', context: '{{ passage }}'}",
    "text": "output: {type: text, text: '{{ reply }}', context: '{{ passage }}'}",
    "chat": "output: {type: chat, messages: [{system: Be kind.}, {user: Well.}, {assistant: '{{ reply }}'}]}",
    "preference": """
  - {name: drafts, prompt: "Draft.", candidates: 2}
  - {name: pair, choose: best_and_worst, from: drafts, by: item | length}
output: {type: preference, prompt: 'Say more.', chosen: '{{ pair.best }}', rejected: '{{ pair.worst }}'}
""",
    "tool_call": """
  - name: talk
    let: >-
      [{"role": "user", "content": "Weather in Rome?"},
       {"role": "assistant", "content": "", "tool_calls": [
         {"type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}}]},
       {"role": "tool", "content": "sunny"}, {"role": "assistant", "content": "It is sunny."}]
  - {name: tools, let: "[{'type': 'function', 'function': {'name': 'weather', 'parameters': {'type': 'object'}}}]"}
output: {type: tool_call, messages: talk, tools: tools}
""",
}
MESSAGES = {
    "sft": [("user", "What is it about?"), ("assistant", "It is about a topic.")],
    "text": [],
    "chat": [("system", "Be kind."), ("user", "Well."), ("assistant", "It is about a topic.")],
    "preference": [("user", "Say more."), ("assistant", "A much longer answer than that.")],
    "tool_call": [("user", "Weather in Rome?"), ("assistant", ""), ("tool", "sunny"), ("assistant", "It is sunny.")],
}


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("typed_script", None)
    made = Workspace(tmp_path / "ws", seeds=3)
    (made.root / "typed_script.py").write_text(SCRIPT)
    made.write_params(script="typed_script:answer")
    params = yaml.safe_load(made.layout.params.read_text())
    params["filter"] = {"filters": [{"name": "length", "min_prompt_words": 0, "min_response_words": 1}]}
    params["compose"] = {"splits": {"train": 1.0, "validation": 0.0, "test": 0.0}}
    made.layout.params.write_text(yaml.safe_dump(params))
    made.layout.parent_lock.write_text(json.dumps({"version": 1, "parent": None}))
    yield made
    sys.modules.pop("typed_script", None)


def _published(ws: Workspace, recipe: str) -> list[dict[str, Any]]:
    ws.write_recipe(recipe)
    for stage in (generate, filter, judge, compose):
        stage.run(ws.layout)
    files = write_shards(read_batches(ws.layout.data(Stage.COMPOSE)), ws.root / "out", 1 << 20, {})
    table = pq.read_table(ws.root / "out" / files[0].path)
    assert table.schema.equals(PUBLISHED)
    return table.to_pylist()


@pytest.mark.parametrize("type_", list(TYPES))
def test_rows_of_every_type_go_through_all_stages(ws: Workspace, type_: str) -> None:
    rows = _published(ws, RECIPE + TYPES[type_].lstrip("\n"))

    assert {row["type"] for row in rows} == {type_}
    assert [(turn["role"], turn["content"]) for turn in rows[0]["messages"]] == MESSAGES[type_]
    assert all(row["response"] for row in rows)


def test_pairs_keep_both_answers_and_tools_their_calls(ws: Workspace) -> None:
    (pair, *_) = _published(ws, RECIPE + TYPES["preference"].lstrip("\n"))
    assert (pair["chosen"], pair["rejected"]) == ("A much longer answer than that.", "A short one.")


def test_tool_calls_stand_whole_in_the_conversation(ws: Workspace) -> None:
    (row, *_) = _published(ws, RECIPE + TYPES["tool_call"].lstrip("\n"))
    assert json.loads(row["conversation"])[1]["tool_calls"][0]["function"]["arguments"] == {"city": "Rome"}
    assert json.loads(row["tools"])[0]["function"]["name"] == "weather"


FAN_OUT = """
  - {name: pairs, prompt: "Pairs on {{ passage }}", json: {type: array}}
checks: [{reason: no_answer, require: pair.a}]
output: {for_each: pairs, as: pair, prompt: '{{ pair.q }}', response: '{{ pair.a }}'}
"""


def test_one_sample_gives_several_rows_with_identities_and_books_of_both_sides(ws: Workspace) -> None:
    ws.write_recipe(RECIPE + FAN_OUT.lstrip("\n"))
    generate.run(ws.layout)

    rows = ws.rows(Stage.GENERATE)
    assert [row["prompt"] for row in rows[:2]] == ["What is part 0 of it?", "What is part 2 of it?"]
    assert len({row["sample_id"] for row in rows}) == 6
    books = read_books(ws.layout, Stage.GENERATE)
    assert books["books"] == [
        {"unit": "samples", "in": 9, "out": 6, "rejected": {"no_answer": 3}, "failed": {}},
        {"unit": "draws", "in": 3, "out": 3, "rejected": {}, "failed": {}},
    ]
    assert sum(row["completion_tokens"] for row in rows) == books["used"]["completion_tokens"]
    assert json.loads(rows[0]["fields"]) == {
        "reply": "It is about a topic.",
        "pair": {"q": "What is part 0 of it?", "a": "Part 0."},
    }
    rejected = {row["id"] for row in ws.rejects(Stage.GENERATE)}
    assert len(rejected) == 3
    assert rejected.isdisjoint(row["sample_id"] for row in rows)


def test_fan_out_run_again_gives_the_same_bytes(ws: Workspace) -> None:
    ws.write_recipe(RECIPE + FAN_OUT.lstrip("\n"))
    generate.run(ws.layout)
    first = ws.contents(Stage.GENERATE)
    generate.run(ws.layout)
    assert ws.contents(Stage.GENERATE) == first
