"""Gristmill: seeds in, versioned training data out.

The library floor. It never imports prefect; only `gristmill.engine` imports vllm, and only
`gristmill.lineage` knows DVC and git.
"""

__version__ = "0.1.0"
