"""Recovery: a refused answer or sample goes back to the model with its critique, where its kind can be mended."""

from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.outcome import Note, NoteCounts
from gristmill.recipes.request import Message
from tests.recipes.conftest import Run

STEP = """
steps:
  - name: reply
    messages: [{user: "Answer from: {{ passage }}"}]
    checks:
      - {reason: ungrounded, require: "reply in passage", kind: not_grounded}
      - {reason: rude, require: "reply != 'damn'", kind: unsafe}
    recover:
      at_most: 2
      ask: "No ({{ fault.kind }}): {{ fault.answer }} does not stand in the text. Try again."
"""


async def test_answer_is_asked_again_with_its_critique(run: Run) -> None:
    outcome, asked = await run(STEP, "dog", "cat", passage="A cat.", attempts=1)

    assert outcome.output["response"] == "cat"
    assert asked[1].messages == (
        Message("user", "Answer from: A cat."),
        Message("assistant", "dog"),
        Message("user", "No (not_grounded): dog does not stand in the text. Try again."),
    )
    assert [request.attempt for request in asked] == [0, 1]
    assert outcome.notes == [Note("recovering", "not_grounded"), Note("recovered", "not_grounded")]


async def test_recovery_ends_after_at_most_times(run: Run) -> None:
    outcome, asked = await run(STEP, "dog", "cow", "pig", passage="A cat.", attempts=1)
    assert len(asked) == 3
    assert outcome.refused.reason == "reply_ungrounded"
    assert [note.what for note in outcome.notes] == ["recovering", "recovering"]


async def test_kind_that_cannot_be_mended_is_not_argued_with(run: Run) -> None:
    outcome, asked = await run(STEP, "damn", passage="A damn cat.", attempts=1)
    assert len(asked) == 1
    assert outcome.refused.kind == "unsafe"


SAMPLE = """
steps:
  - {name: topic, prompt: "Topic?"}
  - {name: reply, messages: [{user: "On {{ topic }}."}]}
  - name: verdict
    prompt: "Good? {{ reply }}"
    choice: "['yes', 'no']"
    checks: [{reason: wrong, require: verdict == "yes", kind: wrong_answer}]
checks: [{reason: too_short, require: reply | words | length > 1, kind: too_short}]
recover:
  step: reply
  at_most: 2
  ask: "{{ topic }}: {{ fault.reason }}"
"""


async def test_sample_refused_by_its_judge_goes_back_to_the_step_with_the_critique(run: Run) -> None:
    outcome, asked = await run(SAMPLE, "cats", "bad one", "no", "no", "good one", "yes")

    assert [request.place for request in asked] == [
        *("topic", "reply", "verdict", "verdict", "reply@again.1", "verdict@again.1")
    ]
    assert asked[4].messages == (
        *(Message("user", "On cats."), Message("assistant", "bad one"), Message("user", "cats: verdict_wrong")),
    )
    assert outcome.output["response"] == "good one"
    assert outcome.notes == [Note("recovering", "wrong_answer"), Note("recovered", "wrong_answer")]


async def test_sample_refused_by_its_last_check_goes_back_too_and_ends_at_the_bound(run: Run) -> None:
    answers = ("cats", "one", "yes", "two", "yes", "three", "yes")
    outcome, asked = await run(SAMPLE, *answers)
    assert len(asked) == 7
    assert outcome.refused.reason == "too_short"
    assert [trial.request.place for trial in outcome.trials][-1] == "verdict@again.2"


async def test_rows_saved_are_counted_by_kind_only_where_rows_came_of_it(run: Run) -> None:
    counts = NoteCounts()
    saved, _ = await run(STEP, "dog", "cat", passage="A cat.", attempts=1)
    lost, _ = await run(STEP, "dog", "cow", "pig", passage="A cat.", attempts=1)
    for outcome in (saved, lost):
        counts.add(outcome)
    facts = counts.facts()
    assert (facts["recovering"], facts["rows_saved"]) == ({"not_grounded": 3}, {"not_grounded": 1})


@pytest.mark.parametrize("step", ["topic", "nowhere"])
def test_going_back_to_a_step_that_takes_no_critique_is_refused(write, step: str) -> None:
    folder: Path = write(SAMPLE.replace("step: reply", f"step: {step}"))
    with pytest.raises(InputError) as raised:
        recipe_program(folder, "mine", 2)
    assert raised.value.problem.found == f"{step!r} cannot be asked again with a critique"
    assert raised.value.problem.expected == "a step with messages and without candidates: reply"


def test_recover_beside_a_prompt_is_refused(write) -> None:
    with pytest.raises(InputError, match="recover goes with messages"):
        recipe_program(write("steps: [{name: reply, prompt: Say., recover: {at_most: 1, ask: Again.}}]"), "mine", 2)
