"""Every command: its help, its errors, its exit status."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
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
from cli.reference import commands
from cli.surroundings import Surroundings
from tests.cli.fakes import Commands, FakeCloud
from tests.features.streaming import document, record

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
    # What needs a database, a build or an account has its JSON held by tests of its own.
    groups = ("millrace anomalies ", "millrace layers ", "millrace metrics ")
    elsewhere = {name for name in commands() if name.startswith(groups)}
    assert set(examples) == set(commands()) - elsewhere
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
