""".ci/check_skips.py: a skip that nobody allowed fails CI."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "check_skips.py"

TESTS = """
import pytest

def test_passes():
    assert True

@pytest.mark.parametrize("n", [1])
@pytest.mark.skip(reason="no browser here")
def test_page(n):
    assert n
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    (tmp_path / "test_pages.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "--junitxml=report.xml", "-p", "no:cacheprovider", "test_pages.py"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "report.xml"


def check(report: Path, allowed: str) -> subprocess.CompletedProcess[str]:
    names = report.parent / "allowed"
    names.write_text(allowed)
    return subprocess.run([sys.executable, SCRIPT, report, names], capture_output=True, text=True)


def test_skip_that_is_not_on_the_list_fails_with_its_reason(report: Path) -> None:
    done = check(report, "# none\n")
    assert done.returncode == 1
    assert "error: skipped: test_pages::test_page[1]: no browser here" in done.stderr


def test_skip_that_is_on_the_list_passes(report: Path) -> None:
    done = check(report, "test_pages::test_page  # no browser on bare machines\n")
    assert (done.returncode, done.stderr) == (0, "")
