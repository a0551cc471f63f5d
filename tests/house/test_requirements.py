"""The lists: complete, consistent with each other and with pyproject.toml, and free of addresses."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LISTS = ROOT / "requirements"


def pins(name: str) -> dict[str, str]:
    lines = (LISTS / f"{name}.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def direct(name: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (LISTS / f"{name}.in").read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-r ")]


def unmet(wanted: list[Requirement], pinned: dict[str, str]) -> list[str]:
    return [str(r) for r in wanted if not r.specifier.contains(pinned.get(canonicalize_name(r.name), "0"))]


@pytest.mark.parametrize("name", ["cpu", "gpu", "dev"])
def test_list_holds_only_a_heading_and_exact_pins(name: str) -> None:
    heading, *lines = (LISTS / f"{name}.txt").read_text().splitlines()
    assert heading.startswith("# Written by 'make lock'")
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", line)] == []


@pytest.mark.parametrize(("name", "inputs"), [("cpu", ["base", "cpu"]), ("gpu", ["base", "gpu"]), ("dev", ["dev"])])
def test_list_pins_everything_asked_for_directly(name: str, inputs: list[str]) -> None:
    assert [text for source in inputs for text in unmet(direct(source), pins(name))] == []


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_list_meets_the_ranges_of_pyproject(name: str) -> None:
    ranges = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert unmet([Requirement(text) for text in ranges], pins(name)) == []


def test_cpu_list_leaves_torch_and_what_does_not_fit_it_out() -> None:
    assert {"torch", "torchvision", "torchaudio", "torchcodec", "triton"} & pins("cpu").keys() == set()


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_dev_list_never_moves_a_version_of_what_runs(name: str) -> None:
    assert {p: v for p, v in pins("dev").items() if pins(name).get(p, v) != v} == {}
