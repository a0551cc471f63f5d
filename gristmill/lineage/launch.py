"""DVC as a process that dies with whoever started it: `python -m gristmill.lineage.launch ARGUMENTS`."""

import sys

from gristmill.frame.supervise import die_with_parent


def run() -> int:
    """DVC's command line; its exit status."""
    die_with_parent()  # before DVC is loaded, which takes half a second
    from dvc.cli import main

    return int(main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(run())
