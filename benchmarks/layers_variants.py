"""Layers of one set of packages, as five ways of building make them, each as Lambda unpacks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from millrace.lambda_layers import build as building
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order
from millrace.lambda_layers.report import Report
from millrace.lambda_layers.stripping import host

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "benchmarks/layers_set/requirements.lock"
RUNTIME = "python{}.{}".format(*sys.version_info[:2])
MODULES = (
    "boto3",
    "requests",
    "pydantic",
    "aws_lambda_powertools",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.parameters",
    "aws_lambda_powertools.utilities.idempotency",
)
# A function that calls five services itself; four more of Powertools' come along.
CODE = """
import boto3, pydantic, requests
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities import batch, idempotency, parameters

clients = [boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs"),
           boto3.client("sns"), boto3.client("events")]
"""
_MAKE_ZIP = (
    "import sys; from samcli.lib.package.utils import make_zip;"
    "print(make_zip(sys.argv[1], sys.argv[2]))"
)


@dataclass(frozen=True, slots=True)
class Variant:
    """A layer: what it is called, its folder as mounted at /opt, the bytes of its zip."""

    name: str
    folder: Path
    zipped: int


def untouched(place: Path) -> Variant:
    """pip's own installation on the machine where it runs: no zip, valid bytecode."""
    folder = place / "untouched"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:"]
    command += [f"--target={folder / 'python'}", f"--requirement={LOCK}"]
    subprocess.run(command, check=True, capture_output=True)
    return Variant("a warm untouched install", folder, 0)


def sam(place: Path, installed: Path) -> Variant:
    """(a) pip, and SAM's own packaging."""
    return _through_sam("(a) pip and SAM's packaging", installed, place)


def stripped(place: Path, installed: Path) -> Variant:
    """(b) the tutorial: no bytecode, no metadata, no tests; zip -9."""
    folder = place / "tutorial"
    shutil.copytree(installed, folder)
    for pattern in ("*.pyc", "*.pyo"):
        _remove(folder, pattern)
    for pattern in ("__pycache__", "*.dist-info", "tests"):
        _remove(folder, pattern)
    return _zipped("(b) the tutorial's strip", folder, place, level=9)


def slim(place: Path, installed: Path) -> Variant:
    """(c) serverless-python-requirements' slim: no bytecode or metadata, libraries stripped."""
    folder = place / "slim"
    shutil.copytree(installed, folder)
    for pattern in ("*.py[co]", "__pycache__", "*.dist-info"):
        _remove(folder, pattern)
    for path in sorted(folder.rglob("*.so")):
        subprocess.run(["strip", str(path)], check=False, capture_output=True)
    return _zipped("(c) serverless-python-requirements' slim", folder, place, level=6)


def ours(place: Path) -> tuple[Variant, Report]:
    """(d) millrace layers build; then through SAM's packaging."""
    code = place / "code"
    code.mkdir()
    (code / "app.py").write_text(CODE, encoding="utf-8")
    target = Target(RUNTIME, host())
    order = Order(LOCK, target, place / "built", code=(code,), modules=MODULES, processes=0)
    report = building.build(order)
    through = _through_sam("(d) millrace layers build", order.output / building.LAYER, place)
    return Variant(through.name, through.folder, report.zipped), report


def spread(place: Path, layer: Path, parts: int) -> list[Path]:
    """The packages of a layer in several, as if each were a layer of its own, of like sizes."""
    folders = [place / f"part-{number}" for number in range(parts)]
    sizes = dict.fromkeys(folders, 0)
    for path in sorted((layer / "python").iterdir(), key=_size, reverse=True):
        folder = min(sizes, key=lambda one: sizes[one])
        sizes[folder] += _size(path)
        target = folder / "python" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(path)(path, target)
    return folders


def _copy(path: Path) -> Callable[[Path, Path], object]:
    return shutil.copytree if path.is_dir() else shutil.copy2


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in (path, *path.rglob("*")) if one.is_file())


def _remove(folder: Path, pattern: str) -> None:
    for path in sorted(folder.rglob(pattern)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _through_sam(name: str, folder: Path, place: Path) -> Variant:
    target = place / f"sam-{folder.parent.name}-{folder.name}"
    python = str(ROOT / ".venv-sam/bin/python")
    done = subprocess.run(
        [python, "-W", "ignore", "-c", _MAKE_ZIP, str(target), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    archive = Path(done.stdout.strip())
    return Variant(name, unpacked(archive, target), archive.stat().st_size)


def _zipped(name: str, folder: Path, place: Path, level: int) -> Variant:
    """As zip does it: with the files' dates."""
    archive = place / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as content:
        for path in sorted(folder.rglob("*")):
            content.write(path, path.relative_to(folder))
    return Variant(name, unpacked(archive, place / f"opt-{folder.name}"), archive.stat().st_size)


def unpacked(archive: Path, folder: Path) -> Path:
    """A zip unpacked as Lambda does it: the dates are those of the zip, to two seconds."""
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
        for info in content.infolist():
            date = datetime(*info.date_time, tzinfo=UTC).timestamp()
            os.utime(folder / info.filename, (date, date))
    return folder
