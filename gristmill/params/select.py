"""Parameters of `judge`: how samples are scored."""

from pydantic import Field

from gristmill.params.section import Section


class JudgeParams(Section):
    """A model scores every kept sample; the scores annotate, `compose` may select by them."""

    rubric: str = Field(default="judge-qa", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of a rubric in recipes/, without `.yaml`."""
    attempts: int = Field(default=2, ge=1, le=10)
    """Times a judgement that does not parse is asked for again; then the row is marked `unparsed`."""
