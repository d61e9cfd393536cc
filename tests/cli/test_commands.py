"""Every command: its help, its errors, its exit status."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError, MillraceError
from typer.main import get_command
from typer.testing import CliRunner

import cli
from cli.commands import FAILED, WRONG, CommandGroup, MillraceCommand
from cli.main import app
from cli.output import json_text, print_json, printable
from cli.reference import PAGE, commands, main, page
from cli.surroundings import Surroundings
from tests.cli.fakes import Commands, FakeCloud
from tests.features.streaming import document, record

ROOT = Path(__file__).parents[2]
MODULES = [f"cli.{module.name}" for module in pkgutil.iter_modules(cli.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


# Help.


@pytest.mark.parametrize("name", commands())
def test_help_has_examples_and_exit_statuses(millrace: Commands, name: str) -> None:
    for flag in ("--help", "-h"):
        done = millrace(*name.split()[1:], flag)
        assert done.status == 0
        assert f"Usage: {name}" in " ".join(done.out.split()).replace("root", "millrace")
        assert "Examples" in done.out
        assert re.search(r"^ +0  ", done.out, re.M)
        assert re.search(r"^ +2  ", done.out, re.M)


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    command = commands()[name]
    first = command.help.split("\n\n")[0]
    assert (first[0].isupper(), first.endswith(".")) == (True, True)
    for param in command.params:
        assert param.help.endswith("."), param.name


def test_all_commands_show_help_in_one_way() -> None:
    assert {type(command) for command in commands().values()} == {MillraceCommand}


@pytest.mark.parametrize("name", [[], ["events"], ["features"], ["quarantine"]])
def test_a_group_alone_shows_its_commands(millrace: Commands, name: list[str]) -> None:
    done = millrace(*name)
    assert done.status == 2
    group: Any = get_command(app)
    for part in name:
        group = group.commands[part]
    assert isinstance(group, CommandGroup)
    for inner in group.commands:
        assert inner in done.out + done.err


def test_the_version(millrace: Commands) -> None:
    assert re.fullmatch(r"millrace (\d+\.\d+\.\d+|, not installed)\n", millrace("--version").out)


# The reference.


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


def typed() -> Iterator[tuple[str, str]]:
    """Every command of ours in the documents' console blocks and in the demo's hint."""
    for document_ in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"):
        for block in re.findall(r"```console\n(.*?)```", document_.read_text(), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.search(r"(?:^\$|\|) (?:\.venv/bin/)?millrace ([^|#]*)", line)
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
        part = words.pop(0)
        assert part in group.commands, f"{where}: millrace {line}"
        group, name = group.commands[part], f"{name} {part}"
    group.make_context(name, words)


def test_the_documents_show_commands() -> None:
    shown = {" ".join(line.split()[:2]) for _, line in typed()}
    assert shown >= {name.removeprefix("millrace ") for name in commands()}


# Errors.


class Broken:
    """Surroundings whose target cannot be found, for a reason of the test's."""

    @staticmethod
    def raising(error: Exception) -> Surroundings:
        def describe(name: str) -> Any:
            raise error

        return Surroundings({}, describe)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ConfigurationError("Put it\nthere."), WRONG, "millrace: Put it there.\n"),
        (MillraceError("It was [bold]down[/bold]."), FAILED, "It was [bold]down[/bold]."),
        (ZeroDivisionError("oh"), FAILED, "Unexpected ZeroDivisionError: oh"),
        (MillraceError("\x1b[31mred"), FAILED, "millrace: \\x1b[31mred"),
    ],
)
def test_an_error_is_one_line_and_a_status(error: Exception, status: int, words: str) -> None:
    result = CliRunner().invoke(app, ["quarantine", "list"], obj=Broken.raising(error))
    assert (result.exit_code, result.stdout) == (status, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    debugged = CliRunner().invoke(app, ["--debug", "quarantine", "list"], obj=Broken.raising(error))
    assert debugged.exception is error


def test_a_wrong_command_is_named(millrace: Commands) -> None:
    done = millrace("event", "send")
    assert (done.status, "event" in done.err) == (2, True)


# What is printed.


def test_json_is_one_document_for_every_command_that_has_it(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(document(1)) + "\n")
    cloud.bench.run(record(b"rubbish", 1), record(document(1), 2))
    key = next(cloud.bench.objects.keys("quarantine/"))
    examples: dict[str, list[object]] = {
        "millrace events send": [path],
        "millrace events check": [path],
        "millrace features get": ["u1"],
        "millrace features check": [],
        "millrace features show": [],
        "millrace features replay": [path, "--out", tmp_path / "rows.jsonl"],
        "millrace quarantine list": [],
        "millrace quarantine show": [key],
        "millrace quarantine redrive": [key],
    }
    assert set(examples) == set(commands())
    for name, arguments in examples.items():
        done = millrace(*name.split()[1:], *arguments, "--json")
        assert isinstance(done.document, dict), name


@pytest.mark.parametrize("text", ["plain – ünï 日本 \t\n", "\u202eevil", "\x00\x1b\x7f\x9b\ud800"])
def test_nothing_commands_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", shown)
    assert (shown == text) == text.startswith("plain")


def test_json_stays_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": "\x1b\x7f\x9b\u202e\\u009b", "b": [1, 2.5, None, True]}
    assert json.loads(json_text(value)) == value
    assert not set("\x1b\x7f\x9b\u202e") & set(json_text(value))
    print_json(value)
    assert json.loads(capsys.readouterr().out) == value


# The command as it is installed.

# Only what the wheel asks for, and what that needs, can be imported.
BARE = """
import re, sys
from importlib import metadata

wheel, *wanted = sys.argv.pop(1).split(",")
allowed = {"millrace"}
while wanted:
    name = re.split(r"[^\\w.-]", wanted.pop())[0].lower().replace("_", "-")
    if name not in allowed:
        allowed.add(name)
        wanted += [need for need in metadata.requires(name) or [] if ";" not in need]
owners = metadata.packages_distributions()

class OnlyThose:
    def find_spec(name, path=None, target=None):
        owned = {owner.lower().replace("_", "-") for owner in owners.get(name, ["millrace"])}
        if not owned & allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, OnlyThose)
for name in ["pytest", "hypothesis", "moto", "starlette", "samtranslator", "httpx"]:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise AssertionError(name)
import cli.main
assert cli.main.__file__.startswith(wheel), cli.main.__file__
cli.main.main()
"""


def test_the_wheel_asks_for_all_that_the_command_needs(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    (found,) = (tmp_path / "wheel").glob("*.dist-info/METADATA")
    needs = re.findall(r"^Requires-Dist: (.*)$", found.read_text(), re.M)
    assert "typer" in needs
    unpacked = str(tmp_path / "wheel")
    done = subprocess.run(
        [sys.executable, "-c", BARE, ",".join([unpacked, *needs]), "features", "check"],
        cwd=tmp_path,
        env={"PYTHONPATH": unpacked, "MILLRACE_FEATURES": str(ROOT / "features.toml")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_installed_command_runs_anywhere(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("millrace")
    done = subprocess.run(
        [command, "features", "check"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Cannot read features.toml" in done.stderr
