"""Recipes in which the model writes both sides of a conversation: magpie, multi-turn, tool-call."""

from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from gristmill.recipes.request import Answer, Finish, Role
from gristmill.recipes.tool_calls import call_fault
from tests.recipes.library.conftest import RECIPES, Walk

WHY = "Why does a database write to a log before it touches the table?"
BECAUSE = "So that it can undo a change when the power fails halfway."
DEEPER = "And what happens to two transactions that wait for each other?"
ROLLED = "One of them is rolled back, and the other one goes on."


def _turns(outcome: Any) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in orjson.loads(outcome.output["conversation"])]


async def test_magpie_shows_the_model_nothing_and_answers_greedily(walk: Walk) -> None:
    outcome, asked = await walk("magpie", {"question": WHY, "reply": BECAUSE})

    assert (asked[0].write, asked[0].messages, asked[0].sampling.temperature) == (Role.USER, (), 1.0)
    assert (asked[1].write, asked[1].sampling.temperature) == (Role.ASSISTANT, 0)
    assert _turns(outcome) == [("user", WHY), ("assistant", BECAUSE)]


async def test_magpie_asks_anew_for_each_seed_and_draw(walk: Walk) -> None:
    answers = {"question": WHY, "reply": BECAUSE}
    asked = [
        (await walk("magpie", answers, passage=passage, draw=draw))[1][0].content("m")
        for passage, draw in (("One.", 0), ("Two.", 0), ("One.", 1))
    ]
    assert len(set(asked)) == 3


async def test_magpie_system_turn_comes_first_and_stays_in_the_row(walk: Walk) -> None:
    outcome, asked = await walk("magpie", {"question": WHY, "reply": BECAUSE}, parameters={"system": "On databases."})

    assert [(turn.role, turn.content) for turn in asked[0].messages] == [("system", "On databases.")]
    assert _turns(outcome)[0] == ("system", "On databases.")


async def test_magpie_multi_turn_opens_the_users_turn_again_after_the_answer(walk: Walk) -> None:
    answers = {"question": [WHY, DEEPER], "reply": [BECAUSE, ROLLED]}
    outcome, asked = await walk("magpie-multi-turn", answers, parameters={"turns": 2})

    assert [turn.content for turn in asked[2].messages] == [WHY, BECAUSE]
    assert asked[2].write is Role.USER
    assert _turns(outcome) == [("user", WHY), ("assistant", BECAUSE), ("user", DEEPER), ("assistant", ROLLED)]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Why?", "question_too_few_words"),
        ("Sure, here is what I know about it.", "question_speaks_as_assistant"),
        (Answer(WHY, Finish.LENGTH), "question_cut_off"),
    ],
)
async def test_magpie_refuses_what_no_user_would_say(walk: Walk, question: Any, reason: str) -> None:
    outcome, asked = await walk("magpie", {"question": question})

    assert (outcome.refused.reason, len(asked)) == (reason, 1)


async def test_magpie_multi_turn_question_asked_twice_is_refused(walk: Walk) -> None:
    outcome, _ = await walk("magpie-multi-turn", {"question": [WHY, WHY.lower()], "reply": BECAUSE})

    assert outcome.refused.reason == "question_asked_before"


TURNS = [WHY, DEEPER, "My disk is a network drive. Does all that still hold?"]
REPLIES = [BECAUSE, ROLLED, "Only if the drive really keeps what it says it has written."]
GOOD = '{"faults": [], "consistent": true, "mark": 5}'


async def test_multi_turn_ends_when_the_user_has_no_more_to_say(walk: Walk) -> None:
    answers = {"said": [*TURNS[:2], "END"], "reply": list(REPLIES), "verdict": GOOD}
    outcome, asked = await walk("multi-turn", answers)

    assert [request.step for request in asked] == ["said", "reply", "said", "reply", "said", "verdict"]
    assert _turns(outcome) == [("user", WHY), ("assistant", BECAUSE), ("user", DEEPER), ("assistant", ROLLED)]


async def test_multi_turn_goes_on_to_its_bound_and_both_sides_remember(walk: Walk) -> None:
    answers = {"said": list(TURNS), "reply": list(REPLIES), "verdict": GOOD}
    outcome, asked = await walk("multi-turn", answers, parameters={"turns": 3})

    assert [turn.content for turn in asked[5].messages[1:]] == [WHY, BECAUSE, DEEPER, ROLLED, TURNS[2]]
    assert f"You: {DEEPER}" in asked[4].messages[1].content
    assert len(_turns(outcome)) == 6


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("END", "said_ends_too_early"),
        (f"{WHY}\nAssistant: {BECAUSE}", "said_plays_both"),
        ("What does the text mean by a lock?", "said_points_at_the_text"),
        (WHY, "said_said_before"),
    ],
)
async def test_multi_turn_refuses_a_user_who_falls_out_of_the_part(walk: Walk, said: str, reason: str) -> None:
    outcome, _ = await walk("multi-turn", {"said": [WHY, said], "reply": BECAUSE})
    assert outcome.refused.reason == reason


async def test_multi_turn_refuses_an_assistant_who_repeats_itself(walk: Walk) -> None:
    outcome, _ = await walk("multi-turn", {"said": list(TURNS), "reply": BECAUSE})
    assert outcome.refused.reason == "reply_repeated"


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ('{"faults": ["turn 2 denies turn 1"], "consistent": false, "mark": 5}', "verdict_inconsistent"),
        ('{"faults": ["vague"], "consistent": true, "mark": 3}', "verdict_too_low"),
        ("Very good.", "verdict_not_json"),
    ],
)
async def test_multi_turn_refuses_by_its_verdict(walk: Walk, verdict: str, reason: str) -> None:
    answers = {"said": list(TURNS), "reply": list(REPLIES), "verdict": verdict}
    outcome, _ = await walk("multi-turn", answers, parameters={"turns": 2})
    assert outcome.refused.reason == reason


ALL = {"offered": 10}
"""All tools at hand, whatever the passage draws."""
TRIP = "I leave Arlhaven for Brunsby in the morning. When does the first train go, and do I need a coat there?"


def _calls(*calls: tuple[str, dict[str, Any]]) -> str:
    return orjson.dumps({"calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}).decode()


TRAINS = ("find_trains", {"from_town": "Arlhaven", "to_town": "Brunsby"})
WEATHER = ("get_weather", {"town": "Brunsby"})
ADVICE = "The first train leaves at 08:12 from platform 3. Brunsby is clear at 17 degrees: no coat."


async def test_tool_call_runs_the_stubs_and_gives_the_whole_conversation(walk: Walk) -> None:
    answers = {"request": TRIP, "calls": [_calls(TRAINS, WEATHER), _calls()], "reply": ADVICE}
    outcome, asked = await walk("tool-call", answers, parameters=ALL)

    talk = orjson.loads(outcome.output["conversation"])
    assert [turn["role"] for turn in talk] == ["user", "assistant", "tool", "tool", "assistant"]
    assert talk[1]["tool_calls"][1] == {
        "id": "call_0_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"town":"Brunsby"}'},
    }
    assert orjson.loads(talk[3]["content"])["temperature"] == 17
    assert talk[3]["tool_call_id"] == "call_0_1"
    assert asked[-1].messages[-1].content.startswith('Results: [[{"departs":"08:12"')
    assert (outcome.output["prompt"], outcome.output["response"]) == (TRIP, ADVICE)
    assert len(orjson.loads(outcome.output["tools"])) == 10


async def test_tool_call_makes_calls_that_need_each_others_results_one_after_the_other(walk: Walk) -> None:
    later = ("calculate", {"expression": "18.5 * 2"})
    answers = {
        "request": TRIP,
        "calls": [_calls(TRAINS), _calls(later), _calls()],
        "reply": "Two tickets cost 37 euros.",
    }
    outcome, _ = await walk("tool-call", answers, parameters=ALL)

    talk = orjson.loads(outcome.output["conversation"])
    assert [turn.get("tool_call_id") for turn in talk if turn["role"] == "tool"] == ["call_0_0", "call_1_0"]
    assert talk[4]["content"] == '{"result":37.0}'


async def test_tool_call_without_a_stub_is_played_by_the_model(walk: Walk) -> None:
    call = ("search_notes", {"query": "coat"})
    answers = {
        "request": "What did I write down about my winter coat?",
        "calls": [_calls(call), _calls()],
        "played": '{"notes": [{"title": "Cleaner", "line": "Fetch the coat on Friday."}]}',
        "reply": "You noted to fetch the coat on Friday.",
    }
    outcome, asked = await walk("tool-call", answers, parameters=ALL)

    assert [request.step for request in asked] == ["request", "calls", "played", "calls", "reply"]
    assert "Friday" in orjson.loads(outcome.output["conversation"])[2]["content"]


async def test_tool_call_every_fourth_draw_needs_none(walk: Walk) -> None:
    answers = {
        "request": "Book me a table at the harbour for four, please.",
        "calls": _calls(),
        "reply": "I can't book tables. If you call the place before noon, ask for one by the window.",
    }
    outcome, asked = await walk("tool-call", answers, draw=3, parameters=ALL)

    assert "that none of them can fulfil" in asked[0].messages[1].content
    assert [turn["role"] for turn in orjson.loads(outcome.output["conversation"])] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("calls", "draw", "reason"),
    [
        (_calls(), 0, "calls_missing"),
        (_calls(WEATHER), 3, "calls_needless"),
        (_calls(("get_tides", {})), 0, "calls_do_not_fit"),
        (_calls(("stock_level", {"article": "B-1"})), 0, "calls_do_not_fit"),
        (_calls(WEATHER), 0, "calls_made_before"),
    ],
)
async def test_tool_call_refuses_calls(walk: Walk, calls: str, draw: int, reason: str) -> None:
    outcome, _ = await walk("tool-call", {"request": TRIP, "calls": calls}, draw=draw, parameters=ALL)
    assert outcome.refused.reason == reason


async def test_tool_call_that_does_not_fit_is_mended_with_the_schemas_before_it(walk: Walk) -> None:
    wrong = _calls(("get_weather", {"city": "Brunsby"}))
    answers = {"request": TRIP, "calls": [wrong, _calls(WEATHER), _calls()], "reply": ADVICE}
    outcome, asked = await walk("tool-call", answers, parameters=ALL)

    assert asked[2].messages[-1].content.startswith("That can't be called (calls_do_not_fit). Call one of ")
    assert outcome.refused is None


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I asked get_weather, and it said clear.", "reply_shows_machinery"),
        ("Take an umbrella whatever happens.", "reply_ignores_the_results"),
    ],
)
async def test_tool_call_answer_is_mended_once_or_refused(walk: Walk, reply: str, reason: str) -> None:
    answers = {"request": TRIP, "calls": [_calls(WEATHER), _calls()] * 2}
    outcome, _ = await walk("tool-call", {**answers, "reply": reply}, parameters=ALL)
    assert outcome.refused.reason == reason

    answers = {"request": TRIP, "calls": [_calls(WEATHER), _calls()], "reply": [reply, ADVICE]}
    outcome, _ = await walk("tool-call", answers, parameters=ALL)
    assert outcome.output["response"] == ADVICE


async def test_tool_call_request_that_names_a_tool_is_refused(walk: Walk) -> None:
    outcome, _ = await walk("tool-call", {"request": "Call get_weather for Brunsby, please."}, parameters=ALL)
    assert outcome.refused.reason == "request_names_a_tool"


def test_tools_file_has_sound_schemas_and_stubs_of_its_own_tools() -> None:
    kit = yaml.safe_load((RECIPES / "data" / "tools.yaml").read_text())
    names = [tool["function"]["name"] for tool in kit["tools"]]
    for tool in kit["tools"]:
        Draft202012Validator.check_schema(tool["function"]["parameters"])
    assert set(kit["stubs"]) < set(names)
    assert len(set(names)) == len(names) == 10
    calls = [
        {"name": name, "arguments": row["when"]} for name, stub in kit["stubs"].items() for row in stub.get("table", ())
    ]
    assert [call for call in calls if call_fault(call, kit["tools"]) and call["name"] != "opening_hours"] == []
