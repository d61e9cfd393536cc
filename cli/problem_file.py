"""The file that --report names: every invalid line with what is wrong with it, as JSON lines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from millrace.errors import ConfigurationError

from cli.checking import Problem, Report


@contextlib.contextmanager
def problems_to(path: Path | None) -> Iterator[Report]:
    """What writes problems to the file; nothing is written where it is None.

    Raises ConfigurationError where the file cannot be written.
    """
    if path is None:
        yield lambda problem, document: None
        return
    try:
        stream = path.open("wb")
    except OSError as error:
        raise ConfigurationError(f"Cannot write --report {path}: {error.strerror}.") from error
    with stream:

        def write(problem: Problem, document: Any) -> None:  # noqa: ANN401  any JSON value
            # An event that can be mended and sent again, or what stands there instead of one.
            raw = isinstance(document, bytes)
            what = {"text": document.decode(errors="backslashreplace")} if raw else None
            line = {**problem._asdict(), **(what or {"event": document})}
            stream.write(orjson.dumps(line) + b"\n")

        yield write
