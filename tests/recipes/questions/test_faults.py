"""What a program can hold against a question: one example for each fault."""

import pytest

from gristmill.recipes.questions.facts import Fact
from gristmill.recipes.questions.faults import question_fault

ROUTER = "A router is a device that forwards packets between networks."
DISK = "If the local disk is full, the database refuses new writes."
WHAT = Fact(ROUTER, ROUTER, "What is a router", "a device that forwards packets between networks")
IF = Fact(DISK, DISK, "What happens if the local", "the database refuses new writes")
KEPT = "Log files are kept in the `/var/log` directory."
WHERE = Fact(KEPT, KEPT, "Where are log files", "in the `/var/log` directory")
HEADER = "The archive file is begun with a four-byte header."
BEGUN = Fact(HEADER, HEADER, "What is the archive file begun with", "a four-byte header")


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("What happens if the local disk is full?", IF),
        ("Where are log files kept?", WHERE),
        ("What is the archive file begun with?", BEGUN),
    ],
)
def test_sound_question_has_no_fault(question: str, fact: Fact) -> None:
    assert question_fault(question, fact) == ""


@pytest.mark.parametrize(
    ("fault", "question", "fact"),
    [
        ("no_question_mark", "What happens if the local disk is full", IF),
        ("bad_length", "What is a router?", WHAT),
        ("bad_opener", "Tell me what a router is, please?", WHAT),
        ("leftover", "What is a router in the text above?", WHAT),
        ("not_english", "What is a ルーター router here then?", WHAT),
        ("dangles", "What is this router that is meant?", WHAT),
        ("off_statement", "What is a purple elephant with large ears?", WHAT),
        ("misses_condition", "What happens if the local disk is?", IF),
        ("negates", "What happens if the local disk is not full?", IF),
        ("repeats_itself", "Where are log files kept as log log files?", WHERE),
        ("leaks_answer", "What happens if the local full disk refuses new writes?", IF),
    ],
)
def test_each_fault_is_named(fault: str, question: str, fact: Fact) -> None:
    assert question_fault(question, fact) == fault


def test_answer_that_stands_in_the_question_is_a_fault() -> None:
    line = "The exit code of a process that has failed for some reason is one."
    fact = Fact(line, line, "What is the exit code of", "code")
    assert question_fault("What is the exit code of a failed process?", fact) == "answer_in_question"
