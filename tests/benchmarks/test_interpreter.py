"""Which Python is measured: this one, unless it was compiled slower than the system's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.interpreter import about, chosen

OWN = Path(sys.executable)


def python_that_says(text: str, folder: Path) -> Path:
    """A stand-in that answers what it is, and can do nothing else."""
    script = folder / "python3"
    script.write_text(f'#!/bin/sh\n[ "$3" = --about ] && echo "{text}"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("answer", ["3.9 fast", f"{about().split()[0]} plain", ""])
def test_another_that_is_no_better_is_left_alone(answer: str, tmp_path: Path) -> None:
    assert chosen(OWN, named=False, system=python_that_says(answer, tmp_path)) == OWN


def test_where_the_system_has_none_this_one_is_measured(tmp_path: Path) -> None:
    assert chosen(OWN, named=False, system=tmp_path / "python3") == OWN


def test_the_one_that_is_named_is_measured(tmp_path: Path) -> None:
    better = python_that_says(f"{about().split()[0]} fast", tmp_path)
    assert chosen(OWN, named=True, system=better) == OWN


def test_the_one_that_is_chosen_has_the_packages_and_is_compiled_as_well_as_may_be() -> None:
    python = chosen(OWN, named=False)
    program = "import orjson, boto3; from benchmarks.interpreter import about; print(about())"
    done = subprocess.run(
        [python, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == about() or python != OWN
    assert done.stdout.split()[0] == about().split()[0]
