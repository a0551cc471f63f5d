"""Journals with answers in them."""

from pathlib import Path

from gristmill.engine.journal import open_journal
from gristmill.engine.lookup import JournalReader
from gristmill.recipes.request import Answer, Message, Request, Sampling, request_key

DAY = 86_400.0
BEGAN = 1_700_000_000.0


def content(number: int, step: str = "ask", model: str = "model@1") -> bytes:
    return Request(step, Sampling(), (Message("user", f"Question {number}?"),)).content(model)


def record(
    path: Path, numbers: range, step: str = "ask", model: str = "model@1", recipe: str = "qa", began: float = BEGAN
) -> None:
    """Records an answer to each number's question, a second apart."""
    with open_journal(path) as journal:
        for number in numbers:
            asked = content(number, step, model)
            answer = Answer(f"Answer {number}.", "stop", 10, 4, 2, "scripted/1", 0.5, 1.0)
            journal.append(request_key(asked), asked, answer, recipe, began + number)


def answers(path: Path, numbers: range) -> list[str | None]:
    """What the journal answers to each number's question."""
    reader = JournalReader(path)
    found = [reader.get(request_key(content(number))) for number in numbers]
    reader.close()
    return [answer.text if answer else None for answer in found]
