"""Branches, candidates, loops, fan-outs and choices: one small recipe for each, every branch of it."""

from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.outcome import Note
from gristmill.recipes.request import Answer, Request
from tests.recipes.conftest import Run

BRANCH = """
steps:
  - {name: long, let: passage | words | length > 3}
  - {name: short_reply, when: not long, prompt: "Short?"}
  - {name: long_reply, when: long, prompt: "Long?"}
  - {name: tone, when: long, let: "'calm'", else: "'terse'"}
  - {name: reply, let: long_reply or short_reply}
"""


@pytest.mark.parametrize(
    ("passage", "asked", "tone"), [("One two.", "short_reply", "terse"), ("One two three four.", "long_reply", "calm")]
)
async def test_step_is_taken_only_when_its_condition_holds(run: Run, passage: str, asked: str, tone: str) -> None:
    outcome, requests = await run(BRANCH, "Yes.", passage=passage)

    assert [request.step for request in requests] == [asked]
    assert outcome.fields["tone"] == tone
    assert outcome.output["response"] == "Yes."


CANDIDATES = """
steps:
  - {name: drafts, prompt: "Draft.", candidates: 3, at_least: 2, checks: [{reason: bad, require: drafts != "bad"}]}
  - {name: reply, let: drafts | join(" ")}
"""


async def test_candidates_are_different_requests_and_give_a_list(run: Run) -> None:
    outcome, asked = await run(CANDIDATES, "a", "b", "c")

    assert [request.path for request in asked] == ["", "#1", "#2"]
    assert len({request.content("m") for request in asked}) == 3
    assert outcome.fields["drafts"] == ["a", "b", "c"]


async def test_invalid_candidate_is_left_out_and_noted(run: Run) -> None:
    outcome, _ = await run(CANDIDATES, by=lambda request: "bad" if request.path == "#1" else "a")

    assert outcome.fields["drafts"] == ["a", "a"]
    assert outcome.notes == [Note("dropped", "drafts_bad")]
    assert [trial.fault for trial in outcome.trials] == ["", "drafts_bad", "drafts_bad", ""]


async def test_too_few_valid_candidates_refuse_the_sample(run: Run) -> None:
    outcome, _ = await run(CANDIDATES, by=lambda request: "a" if request.path == "#2" else "bad")
    assert outcome.refused.reason == "drafts_bad"


LOOP = """
steps:
  - {name: first, prompt: "Draft."}
  - name: revision
    loop:
      - {name: score, prompt: "Score: {{ draft }}", regex: "[1-5]", value: score | int}
      - {name: draft, when: score < 4, prompt: "Revise: {{ draft }}"}
    start: {draft: first}
    until: score >= 4
    at_most: 3
  - {name: reply, let: revision.draft}
"""


async def test_loop_ends_when_its_condition_holds_and_carries_values_from_round_to_round(run: Run) -> None:
    outcome, asked = await run(LOOP, "one", "2", "two", "4")

    assert [(request.place, request.prompt) for request in asked] == [
        ("first", "Draft."),
        ("score@revision.0", "Score: one"),
        ("draft@revision.0", "Revise: one"),
        ("score@revision.1", "Score: two"),
    ]
    assert outcome.output["response"] == "two"
    revision = outcome.fields["revision"]
    assert (revision["rounds"], revision["met"], revision["score"]) == (2, True, 4)
    assert revision["history"] == [{"draft": "two", "score": 2}, {"draft": "two", "score": 4}]


async def test_loop_that_never_meets_its_condition_ends_after_at_most_rounds(run: Run) -> None:
    outcome, asked = await run(LOOP, "one", "1", "two", "1", "three", "1", "four")
    assert len(asked) == 7
    assert (outcome.fields["revision"]["rounds"], outcome.fields["revision"]["met"]) == (3, False)
    assert outcome.output["response"] == "four"


async def test_loop_with_a_check_refuses_what_never_got_there(run: Run) -> None:
    steps = LOOP.replace("at_most: 3", "at_most: 1\n    checks: [{reason: never_good, require: revision.met}]")
    outcome, _ = await run(steps, "one", "1", "two")
    assert outcome.refused.reason == "revision_never_good"


async def test_invalid_answer_inside_a_loop_refuses_the_sample_and_keeps_the_trials(run: Run) -> None:
    outcome, _ = await run(LOOP, "one", "many", "many")
    assert outcome.refused.reason == "score_no_match"
    assert [trial.request.attempt for trial in outcome.trials] == [0, 0, 1]


def test_loop_without_an_end_is_refused(write, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        recipe_program(write(LOOP.replace("    at_most: 3\n", "")), "mine", 2)
    assert raised.value.problem.where == "recipes/mine.yaml:6, step revision"
    assert raised.value.problem.found == "without at_most it might never end"


EACH = """
steps:
  - name: parts
    for_each: sentences(passage)
    as: part
    do:
      - {name: gist, prompt: "Gist of {{ part }}", checks: [{reason: bad, require: gist != "bad"}]}
      - {name: loud, let: gist | upper}
    at_most: 3
    at_least: 1
  - {name: reply, let: parts | map(attribute="loud") | join(" ")}
"""


async def test_for_each_walks_its_steps_for_every_item_up_to_at_most(run: Run) -> None:
    outcome, asked = await run(EACH, "a", "b", "c", passage="One is 1. Two is 2. Three is 3. Four is 4.")

    assert [request.place for request in asked] == ["gist@parts.0", "gist@parts.1", "gist@parts.2"]
    assert outcome.fields["parts"][1] == {"part": "Two is 2.", "gist": "b", "loud": "B"}
    assert outcome.output["response"] == "A B C"
    assert outcome.notes == [Note("dropped", "parts_over_at_most")]


async def test_refused_item_is_left_out_and_none_left_refuses_the_sample(run: Run) -> None:
    def one_bad(request: Request) -> str:
        return "bad" if "One" in request.prompt else "ok"

    outcome, _ = await run(EACH, by=one_bad, passage="One is 1. Two is 2.")
    assert outcome.output["response"] == "OK"
    assert outcome.notes == [Note("dropped", "gist_bad")]

    outcome, _ = await run(EACH, by=one_bad, passage="One is 1.")
    assert outcome.refused.reason == "gist_bad"


JUDGES = """
steps:
  - {name: drafts, prompt: "Draft.", candidates: 2}
  - name: judged
    for_each: drafts
    as: draft
    do:
      - {name: marks, prompt: "Mark: {{ draft }}", regex: "[1-5]", value: marks | int, candidates: 3}
    at_most: 2
  - {name: best, choose: best, from: judged, by: item.marks | mean}
  - {name: reply, let: best.draft}
"""


async def test_three_judges_of_each_draft_are_six_different_requests(run: Run) -> None:
    marks = iter("123355")
    outcome, asked = await run(JUDGES, by=lambda request: "same" if request.step == "drafts" else next(marks))

    judged = [request for request in asked if request.step == "marks"]
    assert [request.path for request in judged] == [
        *("judged.0", "judged.0/#1", "judged.0/#2", "judged.1", "judged.1/#1", "judged.1/#2")
    ]
    assert len({request.content("m") for request in judged}) == 6
    assert outcome.fields["best"]["marks"] == [3, 5, 5]


CHOOSE = """
steps:
  - {name: votes, let: passage.split()}
  - {name: won, choose: RULE, from: votes, by: item | lower BOUNDS}
  - {name: reply, let: won | string}
"""


async def _chosen(run: Run, passage: str, rule: str, bounds: str = "", by: str = "item | lower"):
    steps = CHOOSE.replace("RULE", rule).replace(" BOUNDS", bounds).replace("item | lower", by)
    outcome, _ = await run(steps, passage=passage)
    return outcome


async def test_majority_counts_votes_and_keeps_the_first_of_them(run: Run) -> None:
    outcome = await _chosen(run, "No Yes yes YES", "majority")
    assert outcome.fields["won"] == {"value": "yes", "item": "Yes", "votes": 3, "of": 4, "share": 0.75}


@pytest.mark.parametrize(
    ("votes", "reason"),
    [("a b c d", "won_agreement_too_low"), ("a a a a", "won_agreement_too_high"), ("a a b c", None)],
)
async def test_majority_outside_its_bounds_refuses(run: Run, votes: str, reason: str | None) -> None:
    outcome = await _chosen(run, votes, "majority", ", at_least: 0.5, at_most: 0.9")
    assert (outcome.refused and outcome.refused.reason) == reason


async def test_best_takes_the_first_of_the_highest_scores(run: Run) -> None:
    outcome = await _chosen(run, "1 3 03", "best", by="item | int")
    assert outcome.fields["won"] == "3"


async def test_best_below_its_bound_refuses(run: Run) -> None:
    outcome = await _chosen(run, "1 3", "best", ", at_least: 4", by="item | int")
    assert (outcome.refused.reason, outcome.refused.found) == ("won_score_too_low", "3")


async def test_best_and_worst_give_a_pair_with_scores(run: Run) -> None:
    outcome = await _chosen(run, "2 5 1", "best_and_worst", by="item | int")
    assert outcome.fields["won"] == {"best": "5", "worst": "1", "best_score": 5.0, "worst_score": 1.0}


@pytest.mark.parametrize(("votes", "bounds"), [("3 3", ""), ("3 4", ", margin: 2")])
async def test_pair_without_a_difference_refuses(run: Run, votes: str, bounds: str) -> None:
    outcome = await _chosen(run, votes, "best_and_worst", bounds, by="item | int")
    assert outcome.refused.reason == "won_no_difference"


async def test_score_that_is_no_number_fails_the_sample_alone(run: Run) -> None:
    outcome = await _chosen(run, "a b", "best")
    assert outcome.refused.reason == "won_recipe_error"
    assert outcome.refused.failed


async def test_nothing_to_choose_from_refuses(run: Run) -> None:
    outcome = await _chosen(run, "", "majority")
    assert outcome.refused.reason == "won_nothing_to_choose"


async def test_value_in_place_of_an_invalid_answer_is_noted(run: Run) -> None:
    steps = 'steps: [{name: reply, prompt: "Say.", regex: "[0-9]", if_invalid: "\'0\'"}]'
    outcome, _ = await run(steps, "x", "y")
    assert outcome.output["response"] == "0"
    assert outcome.notes == [Note("replaced", "reply_no_match")]


async def test_grammar_constrains_and_is_held_against_the_answer(run: Run) -> None:
    steps = 'steps: [{name: reply, prompt: "Sum?", grammar: "start: NUMBER \\"+\\" NUMBER\\n%import common.NUMBER"}]'
    outcome, asked = await run(steps, "1+", "1+2")
    assert asked[0].constraint.kind == "grammar"
    assert outcome.output["response"] == "1+2"
    assert outcome.trials[0].fault == "reply_not_in_grammar"


async def test_closed_vocabulary_is_a_list_in_the_file(run: Run) -> None:
    head = "name: mine\nsummary: A.\nparameters: {levels: [easy, hard]}"
    outcome, asked = await run('steps: [{name: reply, prompt: "Level?", choice: $levels}]', "hard", head=head)
    assert asked[0].constraint.value == ("easy", "hard")
    assert outcome.output["response"] == "hard"


async def test_turns_of_a_value_are_part_of_the_conversation(run: Run) -> None:
    steps = """
steps:
  - name: reply
    messages:
      - system: Be brief.
      - turns: talk
      - user: And?
"""
    talk = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]
    head = "name: mine\nsummary: A.\ninputs: [passage, talk]"
    outcome, asked = await run(steps, "So.", head=head, fields={"talk": talk})
    assert [(turn.role, turn.content) for turn in asked[0].messages] == [
        *(("system", "Be brief."), ("user", "Hi."), ("assistant", "Hello."), ("user", "And?"))
    ]

    outcome, _ = await run(steps, "So.", head=head, fields={"talk": "Hi."})
    assert outcome.refused.reason == "reply_recipe_error"


async def test_prompt_too_long_is_not_asked_again(run: Run) -> None:
    outcome, asked = await run('steps: [{name: reply, prompt: "Say."}]', Answer("", "prompt_too_long", 4000))
    assert len(asked) == 1
    assert outcome.refused.reason == "reply_prompt_too_long"
