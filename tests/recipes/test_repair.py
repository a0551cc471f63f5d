"""The usual damage to answers: mended where nothing has to be made up, counted, and held against the schema."""

import pytest

from gristmill.recipes.outcome import Note
from tests.recipes.conftest import Run

STEPS = """
steps:
  - name: reply
    prompt: "Score?"
    json:
      type: object
      properties: {score: {type: integer}, why: {type: array, items: {type: string}}}
      required: [score]
    value: reply.score
"""


@pytest.mark.parametrize(
    ("answer", "damage"),
    [
        ('```json\n{"score": 4}\n```', "code_fence"),
        ('Here it is:\n```\n{"score": 4}', "code_fence"),
        ('Sure! {"score": 4} I hope this helps {you}.', "surrounding_text"),
        ('{"score": 4, "why": ["a \\"}", "b"', "cut_off"),
        ('{"score": 4, "why": ["a", "not who', "cut_off"),
        ('{"score": 4, "wh', "cut_off"),
        ('```json\n{"score": 4, "why": [', "cut_off"),
    ],
)
async def test_damaged_object_is_mended_and_counted(run: Run, answer: str, damage: str) -> None:
    outcome, asked = await run(STEPS, answer)
    assert len(asked) == 1
    assert outcome.output["response"] == "4"
    assert outcome.notes == [Note("repaired", damage)]


@pytest.mark.parametrize("answer", ['{"score": 4', '{"sco', "none", "```json\n{}\n```", "", "{", '"a", 3]'])
async def test_what_a_repair_would_have_to_make_up_is_refused_with_the_raw_answer(run: Run, answer: str) -> None:
    outcome, _ = await run(STEPS, answer, attempts=1)
    assert outcome.refused.reason == "reply_not_json"
    assert outcome.refused.text == answer
    assert outcome.notes == []


async def test_whole_object_is_taken_as_it_is(run: Run) -> None:
    outcome, _ = await run(STEPS, '{"score": 4}')
    assert outcome.notes == []


@pytest.mark.parametrize("form", ["choice: [yes, no]", "regex: yes|no"])
@pytest.mark.parametrize("answer", ['"yes"', "```\nyes\n```"])
async def test_quoted_choice_is_mended(run: Run, form: str, answer: str) -> None:
    outcome, _ = await run(
        f"steps: [{{name: reply, prompt: Well., {form}}}]".replace("[yes, no]", '["yes", "no"]'), answer
    )
    assert outcome.output["response"] == "yes"
    assert outcome.notes == [Note("repaired", "surrounding_text")]
