"""What stands in the repository, file by file: nothing too long, nothing of one machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, tracked

FILE_LINES = 320
FUNCTION_LINES = 55

# Where packages come from is a matter of each machine's own configuration. In pieces, for this
# file must not name them either.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("debian", "org"),
        ("ubuntu", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("rubygems", "org"),
    )
]
# A path that begins in somebody's home, or where a build machine keeps its checkouts.
MACHINE = re.compile(rb"(?<![\w.*$}/])/(?:root|home|Users|work|builds|runner)/\w")


def placed(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def programs() -> Iterator[Path]:
    """Every file of Python, and every script whatever it is written in."""
    for path in tracked():
        if path.suffix == ".py" or path.read_bytes().startswith(b"#!"):
            yield path


def test_git_lists_this_file() -> None:
    assert Path(__file__).resolve() in tracked()
    assert ROOT / "template.yaml" in tracked()


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        content = path.read_bytes()
        found += [f"{placed(path)}: {host}" for host in HOSTS if host.encode() in content]
        found += [f"{placed(path)}: {match!r}" for match in MACHINE.findall(content)]
    assert not found


def test_no_program_is_too_long() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in programs()}
    assert not {placed(path): n for path, n in lengths.items() if n > FILE_LINES}


def test_no_function_is_too_long() -> None:
    found = []
    for path in programs():
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or 0) - node.lineno + 1
                    if length > FUNCTION_LINES:
                        found.append(f"{placed(path)}:{node.lineno} {node.name}: {length} lines")
    assert not found


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("see |root|x", True),
        ("'|home|ann|x'", True),
        ("cd |work|main", True),
        ("https:||example.com|home|page", False),
        ("$HOME|work|x", False),
        ("docs|work|x", False),
        ("./root/x", False),
    ],
)
def test_a_path_of_a_machine_is_recognised(line: str, is_one: bool) -> None:
    # Written with bars, for this file is searched as well.
    assert bool(MACHINE.search(line.replace("|", "/").encode())) == is_one
