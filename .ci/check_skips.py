"""Fails when a test skipped that may not: `check_skips.py REPORT.xml ALLOWED`.

REPORT is pytest's JUnit file. ALLOWED names one test a line, as `package.module::test` (a parametrised test with or
without its brackets); what follows `#` is the reason. An expected failure counts as a skip: it proves as little.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def main(report: Path, allowed: Path) -> int:
    """Prints every skip that is not allowed; gives the exit status."""
    lines = (line.partition("#")[0].strip() for line in allowed.read_text().splitlines())
    names = {line for line in lines if line}
    refused = [(test, reason) for test, reason in skips(report) if not {test, test.partition("[")[0]} & names]
    for test, reason in refused:
        sys.stderr.write(f"error: skipped: {test}: {reason}\n")
    if refused:
        sys.stderr.write(
            f"    do: make the part that is missing available, or name the test in {allowed} with a reason\n"
        )
    return 1 if refused else 0


def skips(report: Path) -> list[tuple[str, str]]:
    """The skipped tests of a report, each with its reason."""
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it just now
        skipped = case.find("skipped")
        if skipped is not None:
            found.append((f"{case.get('classname')}::{case.get('name')}", skipped.get("message", "")))
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
