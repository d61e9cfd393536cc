"""What the redrives of both parts share: their options, what `--set` says, and the asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import orjson
import typer
from millrace.errors import ConfigurationError

from cli.commands import finish, surroundings
from cli.output import agreed, complain, say

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask before --all, as a terminal is asked.")
]


def check_named(named: Sequence[str] | None, everything: bool, what: str) -> None:
    """Raise ConfigurationError unless either names or --all say what to redrive."""
    if bool(named) is everything:
        raise ConfigurationError(f"Name what to redrive: one {what} or more, or --all.")


def is_asked(ctx: typer.Context, chosen: Sequence[str], *, everything: bool, yes: bool) -> bool:
    """Whether a person is to be asked first: before --all, at a terminal, without --yes."""
    return everything and not yes and bool(chosen) and surroundings(ctx).attended()


def ask(plan: str) -> None:
    """Show what is planned, and go on only where a person agrees; else the command ends."""
    say(plan)
    if not agreed("Redrive them?"):
        complain("Nothing was changed.")
        finish(False)


def fields_of(changes: Sequence[str], example: str) -> dict[str, object]:
    """What `--set` says, as fields with their values. Raises ConfigurationError."""
    found: dict[str, object] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not all(name.split(".")):
            raise ConfigurationError(f"--set {change!r}: must be FIELD=VALUE, such as {example}.")
        try:
            found[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            found[name] = text
    return found
