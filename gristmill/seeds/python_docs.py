"""The built-in source: Python's language reference, as `pydoc_data.topics` holds it in every Python.

The topics are plain text that a documentation tool laid out: hard-wrapped, indented, with drawn
tables, grammar and examples between the paragraphs. A topic becomes a document of running prose:
lines are joined, code, grammar, tables, footnotes and cross-reference lists go, a heading begins a
section, and the name that a definition explains (`str.lower()`) is set before its explanation.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pydoc_data.topics import topics

from gristmill.seeds.document import Document, Section
from gristmill.seeds.normalise import normalise
from gristmill.text import paragraph_spans

ADDRESS = "python-docs:pydoc_data.topics"

_FOOTNOTES = re.compile(r"^-\[ Footnotes \]-$", re.MULTILINE)
_RULE = re.compile(r"([=*~\-^])\1+")
_FOOTNOTE_MARK = re.compile(r"\s\[\d{1,2}\](?=[\s.,;:)]|$)")
_EMPHASIS = re.compile(r"(?<![\w*\"'/])(\*{1,2})(?=\w)([^*\"\n]*\w[.:]?)\1(?![\w*])")
_VERSION_NOTE = re.compile(r"(?:New|Added|Deprecated) in version [\d.]+\.|\*\*Source code:\*\*.*", re.DOTALL)
_LABEL = re.compile(r"(Note|See also|Warning|Hint|Tip|Important|Caution):")
_BULLET = re.compile(r"\A\* +")
_TERM = re.compile(r"(?:(?:class|classmethod|staticmethod|async|exception|coroutine|await|del) )*[\w.]+(?:\(.*\))?")
_CODE_START = re.compile(
    r"(?:>>> |\.\.\. |@|\$ |#|(?:def|class|import|from|for|while|with|try|if|return|async|match|raise) .*[:=(.\w]$)"
)
_PROSE_END = re.compile(r"[.:;!?,][\"')\]’”*]*$")  # noqa: RUF001 (typographic quotes are meant)
_SENTENCE_END = re.compile(r"[.!?][\"')\]”’]*$")  # noqa: RUF001 (typographic quotes are meant)
_PLAIN_WORD = re.compile(r"[(\"“‘*]*[A-Za-z]+(?:[-’'/][A-Za-z]+)*[*.,;:!?)\"”’]*")  # noqa: RUF001
_ANNOUNCES = re.compile(
    r"\b(?:follow\w*|below|equivalent|examples?|instance|e\.g\.|code|like this|this way|form|prints)\b"
    r"|\b(?:is|are|as|to|of|in|with|insert|write|run):$",
    re.IGNORECASE,
)


class _Kind(Enum):
    HEADING = auto()
    TERM = auto()
    LABEL = auto()
    BULLET = auto()
    PROSE = auto()
    OTHER = auto()
    """Code, grammar, tables and the like: not prose."""


@dataclass(frozen=True)
class _Block:
    """What stands between two empty lines."""

    kind: _Kind
    indent: int
    text: str
    """Lines joined; of a heading the first line."""


def canonical() -> bytes:
    """All topics as bytes that are the same wherever the topics are the same."""
    return json.dumps(topics, sort_keys=True, ensure_ascii=False).encode()


def fingerprint() -> str:
    """SHA-256 of `canonical()`."""
    return hashlib.sha256(canonical()).hexdigest()


def topic_count() -> int:
    """Number of topics, each of them a document."""
    return len(topics)


def documents() -> Iterator[Document]:
    """The topics in alphabetical order, each a document of prose."""
    for topic, raw in sorted(topics.items()):
        yield clean(topic, raw)


def clean(topic: str, raw: str) -> Document:
    """One topic as prose; its first heading is the title. The text is empty when there is no prose in it."""
    blocks = list(_blocks(_FOOTNOTES.split(normalise(raw))[0]))
    title = blocks[0].text if blocks and blocks[0].kind is _Kind.HEADING else topic
    sections: list[Section] = []
    parts: list[str] = []
    length = 0
    for heading, paragraphs in _sections(blocks):
        text = normalise("\n\n".join(paragraphs))
        if text:
            sections.append(Section(length, "" if heading == title else heading))
            parts.append(text)
            length += len(text) + 2
    address = f"{ADDRESS}#{topic}"
    return Document(address, address, "\n\n".join(parts), _plain(title), tuple(sections))


def _blocks(text: str) -> Iterator[_Block]:
    spans = paragraph_spans(text)
    indents = [_indent(text[start:end]) for start, end in spans] + [0]
    for i, (start, end) in enumerate(spans):
        chunk = text[start:end]
        kind = _kind(chunk, deeper_follows=indents[i + 1] > indents[i])
        lines = [line.strip() for line in chunk.splitlines()]
        joined = {_Kind.HEADING: lines[0], _Kind.TERM: ", ".join(lines)}.get(kind) or _joined(chunk)
        yield _Block(kind, indents[i], joined.strip())


def _kind(chunk: str, *, deeper_follows: bool) -> _Kind:
    lines = [line.strip() for line in chunk.splitlines()]
    if len(lines) == 2 and _RULE.fullmatch(lines[1]):
        return _Kind.HEADING
    if _LABEL.fullmatch(lines[0]) and len(lines) == 1:
        return _Kind.LABEL
    if any(
        "::=" in line or "  # " in line or line.startswith(("+-", "|", ">>> ")) or _RULE.fullmatch(line)
        for line in lines
    ):
        return _Kind.OTHER
    if deeper_follows and all(_is_term(line) for line in lines):
        return _Kind.TERM
    if _is_prose(" ".join(lines)):
        return _Kind.BULLET if _BULLET.match(lines[0]) else _Kind.PROSE
    return _Kind.OTHER


def _is_term(line: str) -> bool:
    """A name or a call, or a short expression: what a deeper indented explanation explains."""
    return bool(_TERM.fullmatch(line)) or (len(line.split()) <= 4 and not _PROSE_END.search(line))


def _is_prose(text: str) -> bool:
    bullet = bool(_BULLET.match(text))
    words = _BULLET.sub("", text, count=1).split()
    if _CODE_START.match(text) or (not bullet and not _PROSE_END.search(text)):
        return False
    plain = sum(1 for word in words if _PLAIN_WORD.fullmatch(word))
    return plain >= 0.55 * len(words)


def _joined(chunk: str) -> str:
    """The chunk's lines as one; a word broken after its own hyphen comes together again."""
    lines = [line.strip() for line in chunk.splitlines()]
    text = re.sub(r"(?<=\w-)\n(?=\w)", "", "\n".join(lines))
    return " ".join(text.split())


def _indent(chunk: str) -> int:
    return len(chunk) - len(chunk.lstrip(" "))


def _sections(blocks: list[_Block]) -> Iterator[tuple[str, list[str]]]:
    """Heading and paragraphs of each section."""
    heading = ""
    inside: list[_Block] = []
    for block in blocks:
        if block.kind is _Kind.HEADING:
            yield _plain(heading), _paragraphs(inside)
            heading, inside = block.text, []
        else:
            inside.append(block)
    yield _plain(heading), _paragraphs(inside)


def _paragraphs(blocks: list[_Block]) -> list[str]:
    """The section's prose: terms before their explanations, list items after what announces them."""
    paragraphs: list[str] = []
    term = ""
    skipped_below: int | None = None  # indentation of a list of references: what is deeper belongs to it
    for block in blocks:
        if skipped_below is not None and block.indent > skipped_below:
            continue
        skipped_below = block.indent if block.text == "See also:" else None
        match block.kind:
            case _Kind.TERM:
                term = f"{term}, {block.text}" if term else block.text
            case _Kind.OTHER:
                _close_announcement(paragraphs)
                term = ""
            case _Kind.PROSE | _Kind.BULLET:
                _add(paragraphs, block, term)
                term = ""
            case _:
                pass
    _close_announcement(paragraphs)
    return paragraphs


def _add(paragraphs: list[str], block: _Block, term: str) -> None:
    """Adds a block as a paragraph; a list item goes on with the sentence that announced the list."""
    if _VERSION_NOTE.fullmatch(block.text):
        return
    text = _plain(_BULLET.sub("", block.text))
    open_list = bool(paragraphs) and not _SENTENCE_END.search(paragraphs[-1])
    if block.kind is _Kind.BULLET and open_list:
        comma = "" if paragraphs[-1].endswith((":", ",", ";", " and", " or")) else ","
        paragraphs[-1] = f"{paragraphs[-1]}{comma} {text}"
        return
    if open_list and not paragraphs[-1].endswith(":"):
        paragraphs[-1] = paragraphs[-1].rstrip(",;") + "."
    paragraphs.append(f"{_plain(term)}: {text}" if term else text)


def _close_announcement(paragraphs: list[str]) -> None:
    """After what a colon announced is gone: its sentence ends in a full stop, or goes when it says nothing else."""
    if not paragraphs or _SENTENCE_END.search(paragraphs[-1]):
        return
    before, _, last = paragraphs[-1].rpartition(". ")
    if last.endswith(":") and (_ANNOUNCES.search(last) or len(last.split()) < 6):
        paragraphs[-1:] = [before + "."] if before else []
    else:
        paragraphs[-1] = paragraphs[-1].rstrip(":,;") + "."


def _plain(text: str) -> str:
    """Without emphasis and footnote marks."""
    return _EMPHASIS.sub(r"\2", _FOOTNOTE_MARK.sub("", text))
