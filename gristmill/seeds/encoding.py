"""From bytes to text, by a stated policy.

1. A byte order mark decides: UTF-8, UTF-16 or UTF-32.
2. What is valid UTF-8 is UTF-8.
3. Else a declared encoding: the source's `encoding`, or for HTML the page's own (HTTP header, meta element).
4. Else, for a text that is a whole file, charset-normalizer's guess if its confidence reaches
   `ingest.min_encoding_confidence`. Confidence is coherence times (1 - chaos), both from 0 to 1; of equally
   confident guesses windows-1252 is taken. A text with fewer than eight bytes beyond ASCII is not guessed at.
5. Else the text is refused as `not_utf8`.

Rows (JSONL, CSV) are read by 1 and 3 as files and by 2 as lines: one bad line is refused alone, and nothing is guessed.
"""

import codecs
import io
from typing import Any, BinaryIO, cast

from gristmill.seeds.codecs import Peeked

_MARKS = (  # the longer ones first: UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEAST_BYTES = 8
_USUAL = "cp1252"
"""What undeclared pages are read as (WHATWG's Encoding Standard); neighbours such as cp1250 differ in accents alone."""
_GUESSED_FROM = 1 << 20
_CHUNK_BYTES = 1 << 16
_BROKEN = "gristmill-broken"


def marked(head: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark tells and the mark's length; ("", 0) without one."""
    return next(((encoding, len(mark)) for mark, encoding in _MARKS if head.startswith(mark)), ("", 0))


def decoded(data: bytes, declared: str | None, min_confidence: float) -> str:
    """The text. Raises UnicodeDecodeError (of UTF-8) when the policy gives none."""
    encoding, length = marked(data[:4])
    if encoding:
        return data[length:].decode(encoding)
    try:
        return data.decode()
    except UnicodeDecodeError:
        if declared and (text := _by(declared, data)) is not None:
            return text
        guess = _guess(data, min_confidence)
        text = _by(guess, data) if guess else None
        if text is None:
            raise
        return text


def as_utf8(stream: BinaryIO, declared: str | None) -> BinaryIO:
    """A file of lines as UTF-8 without its mark. What its encoding does not allow comes as bytes no UTF-8 has."""
    peeked = Peeked(stream, 4)
    encoding, length = marked(peeked.head)
    peeked.read(length) if length else None
    encoding = encoding or codecs.lookup(declared or "utf-8").name
    return cast(BinaryIO, peeked if encoding == "utf-8" else _Recoded(cast(BinaryIO, peeked), encoding))


class _Recoded(io.RawIOBase):
    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(_BROKEN)
        self._held = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while not self._held and not self._ended:
            chunk = self._stream.read(_CHUNK_BYTES)
            self._ended = not chunk
            self._held = self._decoder.decode(chunk, self._ended).encode(errors="surrogateescape")
        size = size if size >= 0 else len(self._held)
        data, self._held = self._held[:size], self._held[size:]
        return data


def _mark_broken(error: Any) -> tuple[str, int]:
    """What stands for bytes that cannot be decoded: a surrogate that becomes the byte FF, which refuses its line."""
    return "\udcff", error.end


codecs.register_error(_BROKEN, _mark_broken)


def _by(encoding: str, data: bytes) -> str | None:
    """The text in this encoding; None where it does not fit, or there is none of that name."""
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _guess(data: bytes, min_confidence: float) -> str | None:
    if len(data.translate(None, bytes(range(128)))) < _LEAST_BYTES:
        return None
    from charset_normalizer import from_bytes  # only for the rare file that needs it

    guesses = [(guess.encoding, guess.coherence * (1 - guess.chaos)) for guess in from_bytes(data[:_GUESSED_FROM])]
    best = max((confidence for _, confidence in guesses), default=0.0)
    equal = [encoding for encoding, confidence in guesses if confidence == best]
    if not equal or best < min_confidence:
        return None
    return _USUAL if _USUAL in equal else equal[0]
