"""Where training prints."""

from __future__ import annotations

import os
from typing import TextIO

from rich.console import Console

# Of a pipe or a file, whose reader has no width: wide enough for the tables.
_PIPED_WIDTH = 120


def console_for(stream: TextIO) -> Console:
    """A console on stdout or stderr."""
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False)
