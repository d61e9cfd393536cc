"""What to do with a local Oracle Cloud that stays up."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from localcloud.oci.cloud import OciCloud

# A table of one row, of now: no file is needed to try how metrics are sent.
_ONE_METRIC = "date -u +time,series,metric%n%FT%TZ,cpu,58"


def hints(cloud: OciCloud) -> list[str]:
    """Its places, and commands to try; its variables are written into a file for a shell."""
    file = cloud.database.parent / "environment"
    write_environment(file, cloud.environment())
    lines = ["The local Oracle Cloud stays up; Ctrl-C stops it."]
    places = {**cloud.endpoints(), "function log": str(cloud.function.log)}
    lines += [f"  {name:24} {place}" for name, place in places.items()]
    lines += [
        f"Try: . {shlex.quote(str(file))}",
        "     .venv/bin/millrace anomalies serve",
        "     .venv/bin/millrace anomalies list",
        f"     {_ONE_METRIC} | .venv/bin/millrace metrics send --kafka -",
    ]
    return lines


def write_environment(file: Path, environ: Mapping[str, str]) -> None:
    """Variables for a shell to read in; for nobody else's eyes, as a token is among them."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        for name, value in environ.items():
            out.write(f"export {name}={shlex.quote(value)}\n")
