"""Parameters of `ingest`: where seeds come from and how documents become passages."""

from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from gristmill.params.private import PrivacyParams
from gristmill.params.section import Section


class SourceKind(StrEnum):
    """Where a source's documents come from."""

    FILES = "files"
    PYTHON_DOCS = "python-docs"
    GIT = "git"
    DVC = "dvc"


class Format(StrEnum):
    """How a file's documents are laid out. `auto` goes by its content and its name."""

    AUTO = "auto"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    PDF = "pdf"
    WARC = "warc"
    ZIP = "zip"
    TAR = "tar"


class Source(Section):
    """One source of real text."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Name of the source, carried by every row written from it."""
    kind: SourceKind = SourceKind.FILES
    """`files` reads `path`; `git` and `dvc` read what a repository tracks at a revision; `python-docs` is the language
    reference that ships with every Python."""
    path: str | None = None
    """For `files`: a file, folder or glob (`docs/**/*.md`) below the workspace or absolute, an `s3://bucket/prefix`,
    or an `https://` address of one of `http_hosts`. For `git` and `dvc`: a file, folder or glob in the repository."""
    url: str | None = None
    """For `git` and `dvc`: the repository's address, or its folder."""
    rev: str | None = None
    """For `git` and `dvc`: branch, tag or commit; `gristmill sync` pins the commit. HEAD without it."""
    format: Format = Format.AUTO
    """`auto` goes by the content's first bytes, then by the name. Compression and archives are always recognised."""
    encoding: str | None = None
    """Encoding of texts that have no byte order mark and are not UTF-8, such as `windows-1252`."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What separates a CSV file's fields; without it the most frequent of , ; tab | in its first line."""
    text_column: str = "text"
    """Column (or JSON key) that holds the text, in JSONL, Parquet and CSV."""
    id_column: str | None = None
    """Column that names the document; without one, the row's content does: equal rows are one document."""
    title_column: str | None = None
    """Column that holds a title, shown to the model before the passage."""
    licence: str | None = None
    """SPDX name of the licence; every row written from this source carries it."""
    licence_column: str | None = None
    """Column with the row's own licence; where it is empty, `licence` holds."""
    language: str | None = None
    """Language of the texts, as a tag such as `en`; seeds carry it."""
    language_column: str | None = None
    """Column with the row's own language; where it is empty, `language` holds."""
    stratum_column: str | None = None
    """Column with the row's stratum (a topic, a grade of quality); seeds carry it."""
    weight: float = Field(default=1.0, gt=0, le=1e6)
    """How much likelier `ingest.sample` takes a seed of this source; of several sources that hold it, the largest."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Further columns that recipes can name: name in the seed -> column, such as `answer: gold_answer`."""

    @property
    def describing_columns(self) -> tuple[str, ...]:
        """Columns that say something about the text, beside its id and title."""
        named = (self.licence_column, self.language_column, self.stratum_column)
        return tuple(dict.fromkeys([*(column for column in named if column), *self.fields.values()]))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read, the text first."""
        named = (self.text_column, self.id_column, self.title_column, *self.describing_columns)
        return tuple(dict.fromkeys(column for column in named if column))

    @model_validator(mode="after")
    def _files_have_a_path(self) -> Self:
        repository = self.kind in (SourceKind.GIT, SourceKind.DVC)
        if self.kind is not SourceKind.PYTHON_DOCS and not self.path:
            raise ValueError(f"a source of kind `{self.kind}` needs a `path`")
        if repository and not self.url:
            raise ValueError(f"a source of kind `{self.kind}` needs the `url` of its repository")
        if not repository and (self.url or self.rev):
            raise ValueError("`url` and `rev` are for the kinds `git` and `dvc`")
        if any(value and value.startswith("-") for value in (self.url, self.rev, self.path)):
            raise ValueError("`url`, `rev` and `path` do not begin with a dash")
        if repository and (Path(self.path or "").is_absolute() or ".." in Path(self.path or "").parts):
            raise ValueError("`path` lies inside the repository")
        if self.kind is SourceKind.PYTHON_DOCS and self.path:
            raise ValueError("the source `python-docs` is built in and takes no `path`")
        return self

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, name: str | None) -> str | None:
        try:
            b"a".decode(name or "utf-8")
        except UnicodeDecodeError:  # UTF-16 needs two bytes
            pass
        except LookupError as error:
            raise ValueError(str(error)) from None
        return name

    @model_validator(mode="after")
    def _no_archive_is_declared(self) -> Self:
        if self.format in (Format.ZIP, Format.TAR):
            raise ValueError("archives are recognised by themselves: `format` is that of the files inside")
        return self

    @model_validator(mode="after")
    def _fields_are_names(self) -> Self:
        if odd := [name for name in self.fields if not name.isidentifier()]:
            raise ValueError(f"names of `fields` must be usable in templates (letters, digits, _): {', '.join(odd)}")
        return self


class PassageBorder(StrEnum):
    """Where a document may be cut."""

    PARAGRAPHS = "paragraphs"
    SENTENCES = "sentences"
    HEADINGS = "headings"
    TOKENS = "tokens"


class Passages(Section):
    """How a document is cut into passages."""

    by: PassageBorder = PassageBorder.PARAGRAPHS
    """Whole `paragraphs` where they fit; `sentences` without regard to paragraphs; `headings` (Markdown), each part
    then by paragraphs; `tokens`, without regard to sentences."""
    overlap_tokens: int = Field(default=0, ge=0)
    """A passage begins with the last sentences (or words) of the one before it, up to so many tokens."""
    max_tokens: int = Field(default=200, ge=16, le=32768)
    """Largest passage, in estimated tokens."""
    min_tokens: int = Field(default=40, ge=0)
    """Smaller passages are rejected: too little to write from."""
    min_prose_share: float = Field(default=0.5, ge=0, le=1)
    """Share of a passage's characters that must stand in lines of prose (not code, grammar or tables)."""

    @model_validator(mode="after")
    def _min_below_max(self) -> Self:
        if self.min_tokens >= self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} must be below max_tokens {self.max_tokens}")
        if self.min_tokens >= self.max_tokens - self.overlap_tokens:
            raise ValueError(f"overlap_tokens {self.overlap_tokens} leaves less than min_tokens for what is new")
        return self


class Sample(Section):
    """Which seeds to take when there are more than are wanted: by their content, never by their order."""

    seeds: int = Field(ge=1)
    """Seeds to take, at most."""
    draw: int = Field(default=0, ge=0)
    """Another number draws another sample."""
    strata: dict[str, float] = Field(default_factory=dict)
    """Weight of each stratum (a seed's `stratum`): its share of the sample; strata not named here have 0.
    What a stratum cannot fill goes to the others. Without it strata make no difference."""

    @field_validator("strata")
    @classmethod
    def _weights_are_positive(cls, strata: dict[str, float]) -> dict[str, float]:
        if any(not 0 < weight < float("inf") for weight in strata.values()):
            raise ValueError("a stratum's weight must be above 0; leave it out for none")
        return strata


class IngestParams(Section):
    """Seeds: real text, split into passages."""

    sources: list[Source] = Field(min_length=1)
    """Where seeds come from, in this order."""
    passages: Passages = Passages()
    """How documents are cut."""
    privacy: PrivacyParams = PrivacyParams()
    """Personal data and secrets, before a model sees them."""
    sample: Sample | None = None
    """Which seeds to take; all of them without it."""
    detect_language: bool = False
    """Tag each passage with its likeliest language (py3langid) where neither its row nor its source says it."""
    http_hosts: list[str] = Field(default_factory=list)
    """Hosts that sources may be downloaded from; redirects must stay among them."""
    max_download_bytes: int = Field(default=4 << 30, ge=1024)
    """A larger download is refused."""
    max_line_bytes: int = Field(default=16 << 20, ge=1024)
    """A longer line of a JSONL or CSV file is rejected."""
    max_document_bytes: int = Field(default=64 << 20, ge=1024)
    """A longer document is rejected: more bytes of text, or a larger text, HTML or PDF file."""
    max_member_bytes: int = Field(default=64 << 20, ge=1024)
    """A larger member of an archive (zip, tar, a record of WARC) is rejected."""
    max_expansion: int = Field(default=300, ge=2)
    """Compressed files and archives may expand to so many times their size (or to one document, if that is more)."""
    min_encoding_confidence: float = Field(default=0.5, ge=0, le=1)
    """A text file of unknown encoding is read by charset-normalizer's guess from this confidence on, else rejected."""

    @model_validator(mode="after")
    def _hosts_are_named(self) -> Self:
        for source in self.sources:
            address = urlsplit(source.path or "")
            if source.kind is not SourceKind.FILES or address.scheme not in ("http", "https"):
                continue
            if address.username or address.password:
                raise ValueError(f"the address of source {source.name!r} holds a user or password")
            if address.hostname not in self.http_hosts:
                raise ValueError(f"host {address.hostname} of source {source.name!r} is not among `http_hosts`")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"source names must differ; used twice: {', '.join(doubled)}")
        return self
