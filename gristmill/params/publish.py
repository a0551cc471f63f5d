"""Parameters of `audit`, `gate` and `export`, and of the store, the release and the run around the graph."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gristmill.params.section import Section


class AuditParams(Section):
    """Measures of the new part and of the whole."""

    token_budget: int = Field(default=2000, ge=100)
    """Words at which the number of distinct words is compared between samples and seeds."""
    min_rows: int = Field(default=50, ge=20)
    """Fewer rows of a recipe are `unmeasured`; the parent release needs two and a half times as many."""


class GateMode(StrEnum):
    """What the gate does when a bound is broken."""

    BLOCK = "block"
    WARN = "warn"


class GateParams(Section):
    """What a data set must reach to be exported and released."""

    mode: GateMode = GateMode.BLOCK
    """`block` fails the stage; `warn` lets it pass, marked in the manifest."""
    min_rows: int = Field(default=50, ge=1)
    """Fewest rows in the composed data set."""
    min_accepted_share: float = Field(default=0.02, ge=0, le=1)
    """Fewest accepted samples, as a share of those asked for."""
    max_failed_share: float = Field(default=0.05, ge=0, le=1)
    """Most samples that may fail (engine or stage faults, not filters), as a share of those asked for."""
    deviations: float = Field(default=3.0, gt=0)
    """Drift from the parent release trips when its largest deviation lies so many standard deviations above the mean of
    those found between parts of the parent."""
    min_types_ratio: float = Field(default=0.25, ge=0)
    """Floor: distinct words of a recipe's new rows over those of as many words of their seeds."""
    min_vendi_ratio: float = Field(default=0.25, ge=0)
    """Floor: effective number of different texts (Vendi score) among them over that of their seeds."""
    max_bias_amplification: float = Field(default=0.1, ge=0)
    """Most by which a bias measure of the new part may exceed that of the seeds, by the lower end of its interval."""
    max_duplicate_rate: float = Field(default=0.3, ge=0, le=1)
    """Largest share of a recipe's new rows that repeat another word for word."""


class ExportParams(Section):
    """The published form: shards and data card."""

    title: str = "Questions and answers on the Python language reference"
    """Title of the data card."""
    description: str = ""
    """A paragraph for the data card."""
    licence: str = "other"
    """Licence of the data set, as Hugging Face spells it."""
    shard_bytes: int = Field(default=256 << 20, ge=1 << 16)
    """Size at which a shard is closed, before compression."""


def _without_secrets(endpoint: str) -> str:
    """The endpoint, if it holds no credentials: it goes into manifests and messages."""
    parts = urlsplit(endpoint)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, key, `?` or `#`: keys come from AWS's standard variables or files")
    return endpoint


class StoreParams(Section):
    """The S3 store. Credentials come from the environment or the standard AWS chain, never from here."""

    endpoint: Annotated[str, AfterValidator(_without_secrets)] = Field(
        default="embedded", pattern=r"^(embedded|aws|https?://.+)$"
    )
    """`embedded` starts SeaweedFS on loopback; `aws` is Amazon S3; otherwise the address of an S3-compatible store."""
    url: str = Field(
        default="s3://gristmill/python-docs-qa", pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w./-]+)?$"
    )
    """Bucket and prefix of the releases; the DVC remote lies below it, in `dvc/`."""
    region: str = "us-east-1"
    """Region, for signatures."""
    checksums: str = Field(default="when_supported", pattern="^(when_supported|when_required)$")
    """boto3's request checksums; some older S3-compatible stores take only `when_required`."""


class ReleaseParams(Section):
    """How a version is recorded."""

    git_remote: str | None = None
    """Git remote to push the `datasets` branch and the tag to; none by default."""


class RunParams(Section):
    """How `gristmill run` and the deployments walk through the graph."""

    retries: int = Field(default=1, ge=0, le=10)
    """Times a failed stage is tried again (the journal makes what was answered free)."""
    retry_delay_seconds: float = Field(default=10.0, ge=0)
    """Pause before such a try."""
    timeout_seconds: float | None = Field(default=None, gt=0)
    """Seconds that a try of a stage may take before it is ended and counts as failed; `null` is no limit."""
