"""Real documents found on the machine: the documentation that Debian's packages ship, as plain text.

HTML pages (block elements become lines), manual pages (requests taken out) and text files below /usr/share/doc and
/usr/share/man, in an order that depends on nothing but their paths. For more of them: `apt-get install git-doc
postgresql-doc python3-doc perl-doc apache2-doc linux-doc`. Texts are remembered in .gristmill/bench.
"""

import gzip
import re
from collections.abc import Iterator
from hashlib import blake2b
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
_FOLDERS = (
    Path("/usr/share/doc"),
    Path("/usr/share/man/man1"),
    Path("/usr/share/man/man3"),
    Path("/usr/share/man/man8"),
)
_LEAST, _MOST = 200, 100_000
_TEXTS = re.compile(r"\.(txt|md|rst|pod)(\.gz)?$|/README[^/]*$|/NEWS(\.gz)?$")
_MANUAL = re.compile(r"\.[138][a-z]*(\.gz)?$")


def documents(count: int) -> list[str]:
    """So many texts of 200 to 100,000 characters, half of them HTML pages as far as there are enough."""
    kept = ROOT / ".gristmill" / "bench" / f"documents-{count}.parquet"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"text": list(_gather(count))}), kept)
    texts: list[str] = pq.read_table(kept)["text"].to_pylist()
    return texts


def _gather(count: int) -> Iterator[str]:
    shares = {"html": count // 2, "text": count // 4, "manual": count - count // 2 - count // 4}
    for path in _paths():
        kind = _kind(path)
        if kind and shares[kind] > 0 and _LEAST <= len(text := _text(path, kind)) <= _MOST:
            shares[kind] -= 1
            yield text
    if missing := sum(shares.values()):
        raise SystemExit(f"found {count - missing} documents, not {count}; install more: see bench/documents.py")


def _paths() -> list[Path]:
    """All files, in an order that mixes the packages and is the same each time."""
    files = (path for folder in _FOLDERS for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(files, key=lambda path: blake2b(str(path).encode()).digest())


def _kind(path: Path) -> str | None:
    name = str(path)
    if name.endswith((".html", ".html.gz")):
        return "html"
    if name.startswith("/usr/share/man"):
        return "manual" if _MANUAL.search(name) else None
    return "text" if _TEXTS.search(name) else None


def _text(path: Path, kind: str) -> str:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode(errors="replace")
    if kind == "html":
        page = _Page()
        page.feed(text)
        return "\n".join(line for part in "".join(page.pieces).split("\n") if (line := " ".join(part.split())))
    return _manual(text) if kind == "manual" else text.strip()


def _manual(source: str) -> str:
    """A manual page's words: requests and font changes out, headings on lines of their own."""
    lines: list[str] = []
    for line in source.splitlines():
        if line.startswith((".SH", ".SS", ".Sh", ".Ss")):
            lines += ["", line[3:].strip().strip('"'), ""]
        elif line.startswith((".PP", ".P", ".LP", ".Pp", ".TP", ".IP")):
            lines.append("")
        elif line.startswith((".B ", ".I ", ".BR ", ".IR ", ".Nm ", ".Fl ", ".Nd ")):
            lines.append(line.split(maxsplit=1)[1])
        elif not line.startswith((".", "'")):
            lines.append(line)
    text = re.sub(r"\\f(?:\[\w*\]|\(\w\w|\w)|\\&|\\[|/,]", "", "\n".join(lines))
    return text.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\").strip()


class _Page(HTMLParser):
    """The text of a page's blocks, in the order of the page."""

    _BLOCKS = frozenset(("p", "div", "li", "tr", "pre", "br", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "table"))
    _SILENT = frozenset(("script", "style", "head", "nav", "footer"))

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        """Blocks begin lines; what is in silent elements is not read."""
        if tag in self._SILENT:
            self._within.append(tag)
        if tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Blocks end lines."""
        if self._within and tag == self._within[-1]:
            self._within.pop()
        if tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """New lines in the source are white space, except those of blocks."""
        if not self._within:
            self.pieces.append(data.replace("\n", " "))
