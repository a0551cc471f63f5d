"""A compiled recipe: what it asks, what it takes for an answer, and what becomes of the sample."""

import pytest

from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.outcome import Verdict
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Message
from tests.recipes.conftest import Run


async def test_steps_see_earlier_values_and_the_output_is_rendered(run: Run) -> None:
    steps = """
steps:
  - {name: topic, messages: [{system: Be brief.}, {user: "Topic of: {{ passage }}"}]}
  - {name: loud, let: topic | upper}
  - {name: reply, prompt: "On {{ loud }}:"}
"""
    outcome, asked = await run(steps, " cats\n", "They purr.")

    assert asked[0].messages == (Message("system", "Be brief."), Message("user", "Topic of: A text."))
    assert asked[1].prompt == "On CATS:"
    assert outcome.output == {"prompt": "A text.", "response": "They purr."}
    assert outcome.fields == {"topic": "cats", "loud": "CATS", "reply": "They purr."}
    assert [trial.fault for trial in outcome.trials] == ["", ""]


async def test_choice_is_constrained_and_held_against_the_options(run: Run) -> None:
    steps = """
steps:
  - {name: reply, prompt: "Which?", choice: passage | sentences}
"""
    outcome, asked = await run(steps, "Two is 2.", passage="One is 1. Two is 2.")

    assert asked[0].constraint == Constraint(ConstraintKind.CHOICE, ("One is 1.", "Two is 2."))
    assert outcome.output == {"prompt": "One is 1. Two is 2.", "response": "Two is 2."}


async def test_invalid_answer_is_asked_again_as_a_new_attempt(run: Run) -> None:
    steps = """
steps:
  - {name: reply, prompt: "Which?", choice: passage | sentences}
"""
    outcome, asked = await run(steps, "Three.", "One is 1.", passage="One is 1. Two is 2.")

    assert [request.attempt for request in asked] == [0, 1]
    assert [trial.fault for trial in outcome.trials] == ["reply_not_a_choice", ""]
    assert outcome.output is not None


async def test_sample_is_refused_with_the_raw_answer_after_the_last_attempt(run: Run) -> None:
    steps = """
steps:
  - {name: reply, prompt: "Number?", regex: "[0-9]+"}
"""
    outcome, asked = await run(steps, "one", "two", "three", attempts=3)

    assert len(asked) == 3
    assert outcome.output is None
    assert outcome.refused == Verdict(
        "reply_no_match", "'three'", "a text that matches [0-9]+", "three", kind=FaultKind.WRONG_FORMAT
    )


async def test_only_option_is_taken_without_asking(run: Run) -> None:
    outcome, asked = await run('steps: [{name: reply, prompt: "Which?", choice: passage | sentences}]')
    assert asked == []
    assert outcome.output == {"prompt": "A text.", "response": "A text."}


async def test_nothing_to_choose_from_refuses_without_asking(run: Run) -> None:
    outcome, asked = await run('steps: [{name: reply, prompt: "Which?", choice: "[]"}]')
    assert asked == []
    assert outcome.refused is not None
    assert outcome.refused.reason == "reply_no_options"


JSON = """
steps:
  - name: reply
    prompt: "Score?"
    json: {type: object, properties: {score: {type: integer, maximum: 5}}, required: [score]}
    value: reply.score
"""


async def test_json_is_parsed_validated_and_its_value_taken(run: Run) -> None:
    outcome, asked = await run(JSON, ' {"score": 4}\n')
    assert outcome.output == {"prompt": "A text.", "response": "4"}
    assert asked[0].constraint.kind == "json"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [('{"score": 4', "reply_not_json"), ('{"score": 6}', "reply_wrong_shape"), ('{"points": 1}', "reply_wrong_shape")],
)
async def test_json_that_is_cut_off_or_does_not_fit_is_refused(run: Run, answer: str, reason: str) -> None:
    outcome, _ = await run(JSON, answer, attempts=1)
    assert outcome.refused.reason == reason
    assert outcome.refused.text == answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Answer("  \n"), "reply_empty"), (Answer("Half a sent", "length", 3, 9), "reply_cut_off")],
)
async def test_text_that_is_empty_or_cut_off_is_refused(run: Run, answer: Answer, reason: str) -> None:
    outcome, _ = await run('steps: [{name: reply, prompt: "Say."}]', answer, attempts=1)
    assert outcome.refused.reason == reason


async def test_broken_check_asks_again_and_then_gives_its_reason(run: Run) -> None:
    steps = """
steps:
  - name: reply
    prompt: "Ask."
    checks:
      - {reason: no_question_mark, require: "reply.endswith('?')"}
      - {fault: "'shouts' if reply.isupper() else ''"}
"""
    outcome, asked = await run(steps, "Why", "WHY?")
    assert len(asked) == 2
    assert [trial.fault for trial in outcome.trials] == ["reply_no_question_mark", "reply_shouts"]
    assert outcome.refused.reason == "reply_shouts"


async def test_broken_check_of_the_recipe_rejects_the_finished_sample(run: Run) -> None:
    steps = """
steps: [{name: reply, prompt: "Say."}]
checks: [{reason: parrots_passage, require: reply != passage}]
"""
    outcome, asked = await run(steps, "A text.")
    assert len(asked) == 1
    assert outcome.refused.reason == "parrots_passage"


async def test_broken_check_of_a_let_step_asks_nothing(run: Run) -> None:
    steps = """
steps:
  - {name: long, let: passage | words | length, checks: [{reason: too_short, require: long > 5}]}
  - {name: reply, prompt: "Say."}
"""
    outcome, asked = await run(steps)
    assert asked == []
    assert (outcome.refused.reason, outcome.refused.found) == ("long_too_short", "2")


async def test_opening_is_given_to_the_model_and_begins_the_value(run: Run) -> None:
    steps = """
steps:
  - {name: reply, prompt: "Question:", opening: "What is"}
"""
    outcome, asked = await run(steps, " a cat?")
    assert asked[0].prompt == "Question: What is"
    assert outcome.fields == {"reply": "What is a cat?"}


async def test_greedy_step_is_asked_again_only_with_a_retry(run: Run) -> None:
    greedy = "sampling: {temperature: 0, max_tokens: 9}"
    once, asked_once = await run(f'steps: [{{name: reply, prompt: "Say.", {greedy}}}]', "")
    assert once.refused.reason == "reply_empty"
    assert len(asked_once) == 1

    _, asked = await run(f'steps: [{{name: reply, prompt: "Say.", {greedy}, retry: {{temperature: 0.7}}}}]', "", "Yes.")
    assert [(request.sampling.temperature, request.sampling.max_tokens) for request in asked] == [(0, 9), (0.7, 9)]


async def test_prompt_that_is_too_long_is_refused_without_a_second_try(run: Run) -> None:
    outcome, asked = await run('steps: [{name: reply, prompt: "Say."}]', Answer("", "prompt_too_long", 3000))
    assert len(asked) == 1
    assert outcome.refused.reason == "reply_prompt_too_long"
    assert outcome.refused.found == "3000 tokens in the prompt, 256 for the answer"


async def test_expression_that_fails_on_one_seed_fails_that_sample_alone(run: Run) -> None:
    outcome, _ = await run('steps: [{name: reply, let: "(passage | sentences)[7]"}]')
    assert outcome.refused.failed
    assert outcome.refused.reason == "reply_recipe_error"
    assert "7" in outcome.refused.found


async def test_value_that_is_not_there_fails_the_sample_by_name(run: Run) -> None:
    steps = """
steps:
  - {name: reply, let: "{'a': 1}"}
"""
    output = 'output: {prompt: "{{ reply.b }}", response: "{{ reply.a }}"}'
    outcome, _ = await run(steps, output=output)
    assert outcome.refused.reason == "output_recipe_error"
    assert "'b'" in outcome.refused.found


async def test_template_marks_in_a_seed_stay_text(run: Run) -> None:
    outcome, asked = await run('steps: [{name: reply, prompt: "{{ passage }}"}]', "ok", passage="{{ 7 * 7 }} {% raw %}")
    assert asked[0].prompt == "{{ 7 * 7 }} {% raw %}"
    assert outcome.output["prompt"] == "{{ 7 * 7 }} {% raw %}"
