"""How commands are put together: the group that turns errors into a line and an exit status, and
the options that many commands share."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Annotated, Any

import typer
from millrace.errors import ConfigurationError, MillraceError
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from cli.output import complain, stdout
from cli.surroundings import Surroundings
from cli.target import DEFAULT_STACK, LOCAL_FILE

FAILED = 1
WRONG = 2

# What joins two lines of an example, and how wide help is for them in 80 columns.
FOLD = " \\"
_EXAMPLE_WIDTH = 76

_EXIT_STATUS = {
    0: "everything was done",
    FAILED: "something could not be done",
    WRONG: "the command or its configuration is wrong; nothing was done",
}


class _Shown:
    """How help looks: paragraphs are wrapped by the terminal, and a flag has no type."""

    def __init__(self, *args: Any, **named: Any) -> None:  # noqa: ANN401  typer's own, passed on
        if named.get("help"):
            paragraphs = inspect.cleandoc(named["help"]).split("\n\n")
            named["help"] = "\n\n".join(" ".join(text.split()) for text in paragraphs)
        super().__init__(*args, **named)

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401  typer hides its own
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False) and param.metavar is None:
                param.metavar = ""
        return params


class MillraceCommand(_Shown, TyperCommand):
    """A command."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  typer hides its own
        """Its help; no spaces fill the lines of examples, where they would follow a backslash."""
        below, self.epilog = self.epilog, None
        try:
            super().format_help(ctx, formatter)
        finally:
            self.epilog = below
        stdout().print(below or "")


class CommandGroup(_Shown, TyperGroup):
    """A group of commands."""


class MillraceGroup(CommandGroup):
    """The root of all commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  typer hides its own
        """Let ``--local`` stand alone: with a file it is ``--local=FILE``, as in GNU options."""
        end = args.index("--") if "--" in args else len(args)
        known = [f"--local={LOCAL_FILE}" if one == "--local" else one for one in args[:end]]
        return super().parse_args(ctx, known + args[end:])

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  as above
        """Run a command; what it raises becomes one line, unless --debug asks for all of it."""
        try:
            return super().invoke(ctx)
        except MillraceError as error:
            if ctx.params["debug"]:
                raise
            complain(str(error))
            status = WRONG if isinstance(error, ConfigurationError) else FAILED
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError, EOFError):
            raise
        except Exception as error:  # a bug, of which a traceback tells an operator nothing
            if ctx.params["debug"]:
                raise
            kind = type(error).__name__
            complain(f"Unexpected {kind}: {error} (millrace --debug … shows where)")
            status = FAILED
        raise typer.Exit(status)


def new_group() -> typer.Typer:
    """A group of commands that shows its help when it is called alone."""
    return typer.Typer(cls=CommandGroup, no_args_is_help=True)


def epilog(*examples: str, **statuses: str) -> str:
    """What stands below a command's help: examples and exit statuses.

    `statuses` say what an exit status means here (`s1="…"`), where the usual text says too little.
    """
    meanings = {**_EXIT_STATUS, **{int(name[1:]): text for name, text in statuses.items()}}
    shown = ["\n".join(f"  {line}" for line in folded(example)) for example in examples]
    lines = ["[bold]Examples[/bold]", *(escape(example) for example in shown), ""]
    lines.append("[bold]Exit status[/bold]")
    lines += [f"  {status}  {escape(text)}" for status, text in sorted(meanings.items())]
    return "\n".join(lines)


def folded(example: str) -> list[str]:
    """An example in lines for a terminal of 80 columns, which a shell joins when they are copied.

    >>> print(*folded(f"millrace layers build requirements.lock --output {'x' * 34}"), sep="|")
    millrace layers build requirements.lock \\|    --output xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    """
    lines = [""]
    # An option stays beside its value.
    for part in re.findall(r"--\S+ (?!-)\S+|\S+", example):
        line = f"{lines[-1]} {part}" if lines[-1].strip() else f"{lines[-1]}{part}"
        if len(line) > _EXAMPLE_WIDTH - len(FOLD) and lines[-1].strip():
            lines[-1] += FOLD
            line = f"    {part}"
            lines.append(line)
        lines[-1] = line
    return lines


def surroundings(ctx: typer.Context) -> Surroundings:
    """The surroundings of a command."""
    found = ctx.find_root().obj
    assert isinstance(found, Surroundings)
    return found


def finish(done: bool) -> None:
    """End with the exit status for a command that did all that was asked, or did not."""
    if not done:
        sys.stdout.flush()
        raise typer.Exit(FAILED)


_WHERE = "Where"

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="NAME",
        help=f"Work on this deployed stack (MILLRACE_STACK; {DEFAULT_STACK} by default).",
        rich_help_panel=_WHERE,
    ),
]
LocalOption = Annotated[
    str | None,
    typer.Option(
        "--local",
        metavar="[=FILE]",
        help=f"Work on the local cloud of this file (MILLRACE_LOCAL; {LOCAL_FILE} by default).",
        rich_help_panel=_WHERE,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, for machines, instead of tables.")
]
EntityOption = Annotated[
    str | None,
    typer.Option(
        "--entity", metavar="NAME", help="Which entity of features.toml; the first by default."
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN,…",
        help="Which column (or JSON field) holds which field of an event; may be repeated.",
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="jsonl|csv|tsv",
        help="The file's format, where neither its name nor its first line tells.",
    ),
]
