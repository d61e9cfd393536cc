"""What `millrace layers build LAYER.TOML` does, for the Makefiles that `sam build` runs.

It needs nothing but the standard library, so that `sam build` works in a checkout without .venv.
What it has to say goes to stdout: SAM shows that of a Makefile, and keeps its stderr to itself
unless it fails.

    python -m millrace.lambda_layers.sam_build LAYER.TOML RUNTIME ARCHITECTURE INTO
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from millrace.errors import ConfigurationError, MillraceError
from millrace.lambda_layers import definition
from millrace.lambda_layers.build import LAYER, REPORT, build, present
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.report import Report

_ROOT = Path(__file__).resolve().parents[4]
_ARGUMENTS = 4


def main(arguments: Sequence[str]) -> int:
    """Build a layer, unless it is there from the last time, and copy it; 1 or 2 as `millrace`."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write("usage: sam_build LAYER.TOML RUNTIME ARCHITECTURE INTO\n")
        return 2
    file, runtime, architecture, into = arguments
    try:
        _build(Path(file), Target(runtime, architecture), Path(into))
    except MillraceError as error:
        sys.stderr.write(f"millrace: {error}\n")
        return 2 if isinstance(error, ConfigurationError) else 1
    except OSError as error:  # a disk that is full, a checkout that nobody may write to
        sys.stderr.write(f"millrace: layer {file}: {error}\n")
        return 1
    return 0


def _build(file: Path, target: Target, into: Path) -> None:
    name = file.absolute().parent.name
    kept = _ROOT / ".local" / "layers" / f"{name}-{target.runtime}-{target.architecture}"
    order = definition.read(file, target, kept)
    with _alone(kept):
        there = present(order)
        report = there or build(order)
        shutil.copytree(kept / LAYER, into, dirs_exist_ok=True)
    _leave_size(into, name, report)
    _tell(name, report, kept / REPORT, anew=there is None)


def _leave_size(into: Path, name: str, report: Report) -> None:
    """What a function tells of its layer when it starts: see millrace.cold_start."""
    (into / "millrace").mkdir(exist_ok=True)
    told = {"unzipped": report.after, "zipped": report.zipped, "tree": report.tree}
    (into / "millrace" / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")


@contextlib.contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Two builds of one checkout may want the same layer: the second waits, and finds it there."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(kept.with_suffix(kept.suffix + ".lock"), os.O_CREAT | os.O_RDWR, 0o644)
    try:
        with contextlib.suppress(ImportError):  # on Windows there is none, and no make either
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _tell(name: str, report: Report, where: Path, *, anew: bool) -> None:
    for warning in report.warnings:
        sys.stdout.write(f"millrace: layer {name}: Warning: {warning}\n")
    how = "built" if anew else "as built before"
    sys.stdout.write(
        f"millrace: layer {name} {how}: {report.runtime} on {report.architecture},"
        f" {report.before:,} bytes as installed, {report.after:,} now, {report.zipped:,} zipped;"
        f" {where} tells what became of each package\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
