"""The types of rows, and one sample that gives several."""

import json

import pytest

from gristmill.recipes.kinds import FaultKind
from tests.recipes.conftest import Run

SAY = 'steps: [{name: reply, prompt: "Say."}]'


async def test_preference_pair_has_the_chosen_text_as_its_response(run: Run) -> None:
    steps = """
steps:
  - {name: drafts, prompt: "Say.", candidates: 2}
  - {name: pair, choose: best_and_worst, from: drafts, by: item | length}
"""
    output = """
output:
  type: preference
  system: Be brief.
  prompt: "{{ passage }}"
  chosen: "{{ pair.best }}"
  rejected: "{{ pair.worst }}"
"""
    outcome, _ = await run(steps, "Hm.", "A cat.", output=output)
    assert outcome.output == {
        "prompt": "A text.",
        "chosen": "A cat.",
        "rejected": "Hm.",
        "response": "A cat.",
        "conversation": '[{"role":"system","content":"Be brief."},{"role":"user","content":"A text."}]',
    }


async def test_pair_of_equal_texts_is_refused(run: Run) -> None:
    output = 'output: {type: preference, prompt: "{{ passage }}", chosen: "{{ reply }}", rejected: "{{ reply }}"}'
    outcome, _ = await run(SAY, "Yes.", output=output)
    assert (outcome.refused.reason, outcome.refused.kind) == ("pair_equal", FaultKind.WRONG_FORMAT)


async def test_chat_shows_its_last_turns_to_the_filters(run: Run) -> None:
    output = """
output:
  type: chat
  messages:
    - user: "{{ passage }}"
    - assistant: "{{ reply }}"
    - user: And?
    - assistant: "{{ reply | upper }}"
"""
    outcome, _ = await run(SAY, "Yes.", output=output)
    assert (outcome.output["prompt"], outcome.output["response"]) == ("And?", "YES.")
    assert [turn["role"] for turn in json.loads(outcome.output["conversation"])] == ["user", "assistant"] * 2


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ("[{role: user, content: a}]", "bad_conversation"),
        ("[{role: user, content: a}, {role: assistant, content: ' '}]", "empty_turn"),
        ("[{role: robot, content: a}]", "output_recipe_error"),
    ],
)
async def test_chat_that_is_none_is_refused(run: Run, turns: str, reason: str) -> None:
    outcome, _ = await run(
        SAY,
        "Yes.",
        output="output: {type: chat, messages: talk}",
        head=f"name: mine\nsummary: A.\nparameters: {{talk: {turns}}}",
    )
    assert outcome.refused.reason == reason


async def test_text_stands_in_the_response_and_has_no_prompt(run: Run) -> None:
    outcome, _ = await run(SAY, "Once.", output='output: {type: text, text: "{{ reply }}"}')
    assert outcome.output == {"prompt": "", "response": "Once."}


TOOLS = """name: mine
summary: A.
parameters:
  tools:
    - type: function
      function:
        name: weather
        parameters: {type: object, properties: {city: {type: string}}, required: [city]}
"""
CALL = """
steps:
  - name: arguments
    prompt: "Arguments?"
    json: {type: object}
  - name: talk
    let: >-
      [{"role": "user", "content": passage},
       {"role": "assistant", "content": "", "tool_calls": [
         {"type": "function", "function": {"name": "weather", "arguments": arguments}}]}]
"""
TOOL_OUTPUT = "output: {type: tool_call, messages: talk, tools: tools}"


async def test_tool_call_that_fits_its_schema_is_a_row(run: Run) -> None:
    outcome, _ = await run(CALL, '{"city": "Rome"}', head=TOOLS, output=TOOL_OUTPUT)
    assert outcome.output["response"] == '[{"name":"weather","arguments":{"city":"Rome"}}]'
    assert json.loads(outcome.output["tools"])[0]["function"]["name"] == "weather"


async def test_tool_call_that_does_not_fit_is_refused(run: Run) -> None:
    outcome, _ = await run(CALL, '{"town": "Rome"}', head=TOOLS, output=TOOL_OUTPUT)
    assert outcome.refused.reason == "wrong_tool_call"
    assert outcome.refused.found == "weather: 'city' is a required property"


SPREAD = """
steps:
  - {name: topic, let: passage | lower}
  - {name: pairs, prompt: "Ask.", json: {type: array, items: {type: object}}}
checks: [{reason: no_answer, require: pair.a}]
"""
SPREAD_OUTPUT = 'output: {for_each: pairs, as: pair, prompt: "{{ pair.q }}", response: "{{ pair.a }}"}'


async def test_list_gives_a_row_for_each_item_and_refuses_those_that_break_a_check(run: Run) -> None:
    answer = '[{"q": "1?", "a": "1"}, {"q": "2?", "a": ""}, {"q": "3?", "a": "3"}]'
    outcome, _ = await run(SPREAD, answer, output=SPREAD_OUTPUT)

    assert [(row.number, row.content["prompt"]) for row in outcome.rows] == [(0, "1?"), (2, "3?")]
    assert [(number, verdict.reason) for number, verdict in outcome.refused_rows] == [(1, "no_answer")]
    assert outcome.refused is None


@pytest.mark.parametrize(("answer", "reason"), [("[]", "no_rows"), ('[{"q": "1?", "a": ""}]', "no_answer")])
async def test_list_without_a_sound_item_refuses_the_sample(run: Run, answer: str, reason: str) -> None:
    outcome, _ = await run(SPREAD, answer, output=SPREAD_OUTPUT)
    assert outcome.refused.reason == reason
    assert outcome.rows == []


async def test_reference_and_verifier_stand_beside_the_row(run: Run) -> None:
    output = 'output: {prompt: "{{ passage }}", response: "{{ reply }}", reference: "4", verifier: number}'
    outcome, _ = await run(SAY, "It is 4.", output=output)
    assert (outcome.output["reference"], outcome.output["verifier"]) == ("4", "number")
