"""`millrace events check`, and what is wrong before anything is done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.checking import Invalid
from tests.cli.fakes import Commands
from tests.cli.making import lines_of
from tests.features.streaming import document


def test_checking_says_what_a_file_holds(millrace: Commands, good: Path) -> None:
    done = millrace("events", "check", good)
    assert (done.status, millrace.targets) == (0, [])
    assert "view 9" in done.out
    found = millrace("events", "check", good, "--json").document
    assert (found["lines"], found["valid"], found["without_id"]) == (9, 9, 9)
    assert (found["first"], found["last"]) == (
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:28.000Z",
    )


def test_checking_names_every_kind_of_problem(millrace: Commands, mixed: Path) -> None:
    done = millrace("events", "check", mixed)
    assert done.status == 1
    for text in ("unreadable", "invalid-metric", "invalid-timestamp", "timestamp is missing"):
        assert text in done.out


def test_many_problems_are_counted_and_some_shown(millrace: Commands) -> None:
    done = millrace("events", "check", "-", stdin="rubbish\n" * 50)
    assert "… and 40 more; --report FILE writes them all." in done.out
    assert "does --map name the columns" in done.out
    found = millrace("events", "check", "-", "--json", stdin="rubbish\n" * 50).document
    assert (found["invalid"], len(found["problems"])) == (50, 20)


def test_types_are_bounded(millrace: Commands) -> None:
    lines = lines_of(*(document(n % 3000, eventType=f"t{n}") for n in range(1500)))
    types = millrace("events", "check", "-", "--json", stdin=lines).document["types"]
    assert (len(types), types["(other)"]) == (1001, 500)


def test_an_empty_file_is_valid_and_empty(millrace: Commands) -> None:
    assert millrace("events", "check", "-", stdin="").status == 0
    assert millrace("events", "send", "-", stdin="").status == 0


# What is wrong before anything is done.


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["/nowhere/x.jsonl"], "Cannot read /nowhere/x.jsonl: No such file or directory."),
        (["/"], "Cannot read /: Is a directory."),
        (["-", "--format", "xml"], "--format xml: must be one of jsonl, csv, tsv."),
        (["-", "--map", "userId"], "'userId' in a column mapping must be FIELD=COLUMN"),
        (["-", "--report", "/nowhere/x"], "Cannot write --report /nowhere/x: No such file"),
        (["-", "--invalid", "drop"], "--invalid"),
        (["-", "--rate", "0"], "--rate"),
        (["-", "--from-line", "0"], "--from-line"),
        ([], "FILE"),
    ],
)
def test_wrong_options_are_named(millrace: Commands, arguments: list[str], problem: str) -> None:
    done = millrace("events", "send", *arguments)
    assert (done.status, done.out) == (2, "")
    assert problem in done.err


def test_checking_needs_no_aws(tmp_path: Path, good: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "events",
        "check",
        str(good),
    ]
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(root / "layers/core")])
    done = subprocess.run(
        command, cwd=root, env={"PYTHONPATH": path, "HOME": str(tmp_path)}, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_invalid_is_what_the_help_says() -> None:
    assert [str(one) for one in Invalid] == ["quarantine", "refuse", "skip"]
