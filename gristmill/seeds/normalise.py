"""One form for every text: Unicode's NFC, LF as the only line end, nothing invisible, no trailing blanks.

`normalise` is pure and idempotent; most texts need nothing, and are only looked through. Offsets in a seed's origins
count characters of its result.
"""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners and fillers without a form
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, direction marks, annotations
    "\ud800-\udfff"  # lone surrogates
    "\U000e0000-\U000e007f]+"  # tags, which can hide instructions
)
_JOINERS_AFTER_ASCII = re.compile("(?:^|(?<=[\x00-\x7f]))[\u200c\u200d]+")
_REPEATED_JOINERS = re.compile("([\u200c\u200d])[\u200c\u200d]+")
_PARAGRAPH_ENDS = re.compile("\u2029")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028]")
_BLANKS = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_EMPTY_LINES = re.compile(r"\n{3,}")
_ASCII = bytes(range(128))
_ASCII_CONTROLS = bytes((*range(9), *range(14, 32), 127))
_SUSPECT = re.compile(
    "[\x80-\x9f\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u3000\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What `_visible` changes, apart from composition."""


def normalise(text: str) -> str:
    """The text's normal form.

    Line ends become LF, every kind of blank a space (tabs stay), several empty lines one; control
    characters, zero-width characters, direction marks and lone surrogates go. Joiners (U+200C, U+200D) stay
    between letters of the scripts that need them. No line ends in blanks; no text begins or ends with a newline.
    """
    if not text.isascii() and _is_suspect(text):
        text = _visible(_LINE_ENDS.sub("\n", text))
    if "\r" in text or "\x0b" in text or "\x0c" in text:
        text = _LINE_ENDS.sub("\n", text)
    data = text.encode()
    bare = data.translate(None, _ASCII_CONTROLS)
    if len(bare) < len(data):
        text = bare.decode()
    if " \n" in text or "\t\n" in text or text.endswith((" ", "\t")):
        text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
    if "\n\n\n" in text:
        text = _EMPTY_LINES.sub("\n\n", text)
    return text.strip("\n")


def _is_suspect(text: str) -> bool:
    """Whether `_visible` would change anything: looked up in what is left without ASCII, mostly very little."""
    beyond = text.encode(errors="surrogatepass").translate(None, _ASCII).decode(errors="surrogatepass")
    return bool(_SUSPECT.search(beyond)) or not unicodedata.is_normalized("NFC", text)


def _visible(text: str) -> str:
    """A text beyond ASCII: composed before (so that what looks like ASCII is) and after (what lay between is gone)."""
    text = _BLANKS.sub(" ", _PARAGRAPH_ENDS.sub("\n\n", text))
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    text = _JOINERS_AFTER_ASCII.sub("", _REPEATED_JOINERS.sub(r"\1", text))
    return unicodedata.normalize("NFC", text)
