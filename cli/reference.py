"""The reference of all commands in docs/cli.md, made from the commands themselves.

``scripts/cli-reference`` writes it; with ``--check`` it only says whether it is current.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.text import Text
from typer.main import get_command

from cli.commands import FOLD
from cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
BEGIN = "<!-- From here on the page is made by scripts/cli-reference, from the commands. -->"
_EXAMPLES, _STATUSES = "Examples", "Exit status"


def commands() -> dict[str, Any]:
    """Every command by its whole name, in the order of the help."""
    return dict(_under("millrace", get_command(app)))


def _under(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  typer hides its own
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        for part, each in inner.items():
            yield from _under(f"{name} {part}", each)


def page(text: str) -> str:
    """The page with a current reference, from a page as it stands. Raises ValueError."""
    head, begin, _ = text.partition(BEGIN)
    if not begin:
        raise ValueError(f"{PAGE} has no line {BEGIN!r}.")
    sections = [_section(name, command) for name, command in commands().items()]
    return "\n\n".join([f"{head}{BEGIN}", _index(), *sections]) + "\n"


def _index() -> str:
    """Links to every command, a line for each group of them."""
    groups: dict[str, list[str]] = {}
    for name in commands():
        group, _, part = name.removeprefix("millrace ").partition(" ")
        groups.setdefault(group, []).append(f"[{part}](#{name.replace(' ', '-')})")
    return "\n".join(f"- **{group}**: {' · '.join(links)}" for group, links in groups.items())


def _section(name: str, command: Any) -> str:  # noqa: ANN401  as above
    usage = " ".join([name, *_usage(command)])
    parts = [f"## `{name}`", command.help, f"```text\n{usage}\n```"]
    rows = [row for param in command.params for row in _row(param)]
    if rows:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    examples, statuses = _epilog(command)
    parts.append("\n".join(["```console", *(f"$ {example}" for example in examples), "```"]))
    parts.append("\n".join(["| exit status | |", "|---|---|", *statuses]))
    return "\n\n".join(parts)


def _usage(command: Any) -> Iterator[str]:  # noqa: ANN401  as above
    for param in command.params:
        if param.param_type_name == "argument":
            shown = param.metavar + ("…" if param.nargs != 1 else "")
            yield shown if param.required else f"[{shown}]"
    yield "[OPTIONS]"


def _row(param: Any) -> Iterator[str]:  # noqa: ANN401  as above
    """A parameter's row of the table."""
    if param.param_type_name == "argument":
        shown = param.metavar
    else:
        shown = ", ".join([*param.opts, *param.secondary_opts])
        if not param.is_flag and param.metavar:
            shown += param.metavar if param.metavar.startswith("[=") else f" {param.metavar}"
    default = param.default
    behind = f" Default: `{default}`." if default not in (None, False, True) else ""
    yield f"| `{_cell(shown)}` | {_cell(param.help)}{behind} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _epilog(command: Any) -> tuple[list[str], list[str]]:  # noqa: ANN401  as above
    """The examples, and the rows of exit statuses, that stand below a command's help."""
    lines = Text.from_markup(command.epilog).plain.splitlines()
    start, end = lines.index(_EXAMPLES), lines.index(_STATUSES)
    text = re.sub(rf"{re.escape(FOLD)}\n *", " ", "\n".join(lines[start + 1 : end]))
    examples = [line.strip() for line in text.splitlines() if line.strip()]
    statuses = [line.split(maxsplit=1) for line in lines[end + 1 :]]
    return examples, [f"| {status} | {_cell(text)} |" for status, text in statuses]


def main(arguments: list[str]) -> int:
    """Write the page, or check it."""
    present = PAGE.read_text(encoding="utf-8")
    current = page(present)
    if arguments == ["--check"]:
        if present != current:
            sys.stderr.write(f"{PAGE} is not current; run: scripts/cli-reference\n")
        return int(present != current)
    if arguments:
        sys.stderr.write("usage: scripts/cli-reference [--check]\n")
        return 2
    PAGE.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
