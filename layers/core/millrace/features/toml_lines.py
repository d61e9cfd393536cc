"""Where in a TOML file a key stands, so that an error can name the line.

`tomllib` gives positions for syntax errors only; this finds the line of a key that parsed well but
means nothing. It knows table headers and ``key = …`` lines, which is how such files are written;
a key inside an inline table is found at the inline table's own line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*\[\[?\s*(?P<path>[^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*(?P<path>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[^=\s]+)*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(path))


def line_of(text: str, path: Sequence[str]) -> int:
    """The line (from 1) of the key `path`, or of the nearest table above it; 1 if there is none.

    >>> line_of("[event]\\ntime = 'ts'\\n", ["event", "time"])
    2
    """
    wanted = tuple(path)
    best_line, best_depth = 1, 0
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            here = table = _parts(header["path"])
        elif key := _KEY.match(line):
            here = table + _parts(key["path"])
        else:
            continue
        depth = len(here)
        if depth > best_depth and wanted[:depth] == here:
            best_line, best_depth = number, depth
    return best_line
