"""Gristmill: seeds in, versioned training data out.

    gristmill.load("s3://bucket/prefix/latest")     a release as an Arrow dataset

The library floor. It never imports prefect; only `gristmill.engine` imports vllm, and only
`gristmill.lineage` knows DVC and git.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """`load`, imported when it is asked for: no stage and no command pays for it."""
    if name == "load":
        return importlib.import_module("gristmill.lineage.load").load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
