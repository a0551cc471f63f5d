"""Parameters of the four published filters. Each section's defaults are the constants of its source."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from gristmill.params.section import FilterSection


class TextColumn(StrEnum):
    """A column of samples that holds text."""

    PROMPT = "prompt"
    RESPONSE = "response"


class GopherQualityParams(FilterSection):
    """Rae et al. 2021, table A1 and section A.1.1: signs that a text was not written as prose."""

    name: Literal["gopher_quality"] = "gopher_quality"
    """The filter."""
    column: TextColumn = TextColumn.RESPONSE
    """The text that is looked at."""
    min_words: int = Field(default=50, ge=0)
    """Fewer words (marks don't count) are rejected; short answers need a lower bound."""
    max_words: int = Field(default=100_000, ge=1)
    """More words are rejected."""
    min_mean_word_length: float = Field(default=3, ge=0)
    """Least mean of the words' characters."""
    max_mean_word_length: float = Field(default=10, gt=0)
    """Greatest mean of the words' characters."""
    max_hashes_per_word: float = Field(default=0.1, ge=0)
    """Most `#` for each word or mark."""
    max_ellipses_per_word: float = Field(default=0.1, ge=0)
    """Most `...` and `…` for each word or mark."""
    max_bullet_lines: float = Field(default=0.9, ge=0, le=1)
    """Largest share of lines that begin with `-` or a bullet."""
    max_ellipsis_lines: float = Field(default=0.3, ge=0, le=1)
    """Largest share of lines that end in an ellipsis."""
    min_alphabetic_words: float = Field(default=0.8, ge=0, le=1)
    """Least share of words (marks count) with a letter in them."""
    min_stop_words: int = Field(default=2, ge=0, le=8)
    """How many of `the be to of and that have with` must occur."""


class GopherRepetitionParams(FilterSection):
    """Rae et al. 2021, table A1: shares of a text that repeat what stands before."""

    name: Literal["gopher_repetition"] = "gopher_repetition"
    """The filter."""
    column: TextColumn = TextColumn.RESPONSE
    """The text that is looked at."""
    max_duplicate_lines: float = Field(default=0.3, ge=0, le=1)
    """Largest share of lines that stand above already."""
    max_duplicate_paragraphs: float = Field(default=0.3, ge=0, le=1)
    """Largest share of paragraphs that stand above already."""
    max_duplicate_line_chars: float = Field(default=0.2, ge=0, le=1)
    """Largest share of characters in such lines."""
    max_duplicate_paragraph_chars: float = Field(default=0.2, ge=0, le=1)
    """Largest share of characters in such paragraphs."""
    max_top_2gram: float = Field(default=0.2, ge=0)
    """Largest share of characters in the most frequent pair of words."""
    max_top_3gram: float = Field(default=0.18, ge=0)
    """Largest share of characters in the most frequent 3-gram."""
    max_top_4gram: float = Field(default=0.16, ge=0)
    """Largest share of characters in the most frequent 4-gram."""
    max_duplicate_5grams: float = Field(default=0.15, ge=0, le=1)
    """Largest share of characters in 5-grams that stand above already."""
    max_duplicate_6grams: float = Field(default=0.14, ge=0, le=1)
    """The same for 6-grams."""
    max_duplicate_7grams: float = Field(default=0.13, ge=0, le=1)
    """The same for 7-grams."""
    max_duplicate_8grams: float = Field(default=0.12, ge=0, le=1)
    """The same for 8-grams."""
    max_duplicate_9grams: float = Field(default=0.11, ge=0, le=1)
    """The same for 9-grams."""
    max_duplicate_10grams: float = Field(default=0.1, ge=0, le=1)
    """The same for 10-grams."""

    def top(self, n: int) -> float:
        """The bound on the most frequent n-gram; n is 2, 3 or 4."""
        return (self.max_top_2gram, self.max_top_3gram, self.max_top_4gram)[n - 2]

    def duplicate(self, n: int) -> float:
        """The bound on repeated n-grams; n is 5 to 10."""
        low = (self.max_duplicate_5grams, self.max_duplicate_6grams, self.max_duplicate_7grams)
        return (*low, self.max_duplicate_8grams, self.max_duplicate_9grams, self.max_duplicate_10grams)[n - 5]


class C4Params(FilterSection):
    """Raffel et al. 2020, section 2.2: lines that read like sentences, and enough of them."""

    name: Literal["c4"] = "c4"
    """The filter."""
    column: TextColumn = TextColumn.RESPONSE
    """The text that is looked at."""
    min_sentences: int = Field(default=5, ge=0)
    """Fewer sentences in the lines that count are rejected."""
    min_words_per_line: int = Field(default=3, ge=0)
    """Shorter lines don't count."""
    max_word_chars: int = Field(default=1000, ge=1)
    """Lines with a longer word don't count."""
    end_mark: bool = True
    """Whether only lines count that end in `.`, `?`, `!` or a quotation mark (and not in `...`)."""
    curly_bracket: bool = True
    """Whether `{` in a line that counts rejects the text; false for recipes that write code or JSON."""
    lorem_ipsum: bool = True
    """Whether `lorem ipsum` in a line that counts rejects the text."""
    javascript: bool = True
    """Whether lines that mention Javascript don't count."""
    policy: bool = True
    """Whether lines that speak of cookies, terms of use or a privacy policy don't count."""


class FinewebParams(FilterSection):
    """Penedo et al. 2024 (FineWeb), section 3.6: how the lines of a page look."""

    name: Literal["fineweb"] = "fineweb"
    """The filter."""
    column: TextColumn = TextColumn.RESPONSE
    """The text that is looked at."""
    min_ended_lines: float = Field(default=0.12, ge=0, le=1)
    """Least share of lines that end in a mark that ends sentences."""
    short_line_chars: int = Field(default=30, ge=0)
    """Lines up to this many characters are short."""
    max_short_lines: float = Field(default=0.67, ge=0, le=1)
    """Largest share of short lines."""
    max_duplicate_line_chars: float = Field(default=0.01, ge=0, le=1)
    """Largest share of characters in lines that stand above already."""
    max_newlines_per_word: float = Field(default=0.3, ge=0)
    """Most line feeds for each word or mark."""
