"""The command scripts/train: its options, and how it ends."""

from __future__ import annotations

import sys

from millrace.errors import MillraceError
from rich.markup import escape

from model.arguments import parse
from model.consoles import console_for


def main(argv: list[str]) -> int:
    """Train; the exit status."""
    arguments = parse(argv)
    console = console_for(sys.stderr)
    try:
        # Late: scikit-learn takes seconds to import, and wrong options are told at once.
        from model.run import run

        run(arguments, console)
    except MillraceError as error:
        console.print(f"[bold red]millrace:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; no model was written.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
