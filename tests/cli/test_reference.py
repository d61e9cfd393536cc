"""docs/cli.md, and the commands that all documents show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.commands import CommandGroup
from cli.layer_rollout import RolloutGroup
from cli.main import app
from cli.reference import PAGE, commands, main, page

ROOT = Path(__file__).parents[2]


def test_the_reference_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(PAGE.read_text(encoding="utf-8"))
    assert main(["--check"]) == 0
    assert main(["--nonsense"]) == 2


def test_a_page_without_its_mark_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match="has no line"):
        page("# Something else\n")


def test_every_command_is_in_the_reference_and_linked() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in commands():
        assert f"\n## `{name}`\n" in text
        assert f"](#{name.replace(' ', '-')})" in text


@pytest.mark.parametrize("name", list(commands()))
def test_examples_fit_80_columns_and_can_be_copied(name: str) -> None:
    shown = CliRunner().invoke(app, [*name.split()[1:], "--help"], env={"COLUMNS": "80"}).stdout
    examples = shown.partition("Examples")[2].partition("Exit status")[0]
    joined = examples.replace(" \\\n", " ")  # as a shell does
    for line in re.findall(r"^\$ (.*)$", section(name), re.MULTILINE):
        assert line.split() in [one.split() for one in joined.splitlines()]
    assert all(len(line) <= 80 for line in examples.splitlines())


def section(name: str) -> str:
    """What the reference says of a command."""
    return (
        page(PAGE.read_text(encoding="utf-8"))
        .partition(f"\n## `{name}`\n")[2]
        .partition("\n## ")[0]
    )


def typed() -> Iterator[tuple[str, str]]:
    """Every command of ours in the documents' console blocks and in the demo's hint."""
    for document_ in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"):
        for block in re.findall(r"```console\n(.*?)```", document_.read_text(), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.search(r"(?:^\$|\|) (?:\.venv/bin/)?millrace ([^|#>]*)", line)
                if found:
                    yield document_.name, found[1].strip()


@pytest.mark.parametrize(("where", "line"), list(typed()))
def test_commands_in_the_documents_can_be_typed(where: str, line: str) -> None:
    group: Any = get_command(app)
    words = shlex.split(line)
    name = "millrace"
    # What the root makes of its words is what the commands get.
    words = [f"{word}=x" if word == "--local" else word for word in words]
    while isinstance(group, CommandGroup):
        if isinstance(group, RolloutGroup) and words[0] not in group.commands:
            words.insert(0, "to")  # as it does by itself
        part = words.pop(0)
        assert part in group.commands, f"{where}: millrace {line}"
        group, name = group.commands[part], f"{name} {part}"
    group.make_context(name, words)


def test_the_documents_show_commands() -> None:
    shown = [f"{line} " for _, line in typed()]
    for name in commands():
        part = name.removeprefix("millrace ")
        assert any(line.startswith(f"{part} ") for line in shown), name
