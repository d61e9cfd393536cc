"""A layer from its locked requirements, or another layer's zip: a folder, a zip and a report.

Everything is made in a folder beside the place it goes to, and comes there by one rename: whoever
looks sees the old build or the new one, whole.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import archive, report, tree
from millrace.lambda_layers.making import make
from millrace.lambda_layers.order import Order
from millrace.lambda_layers.report import Report

LAYER, ZIP, REPORT = "layer", "layer.zip", "report.json"


def present(order: Order) -> Report | None:
    """The report of the layer that is there, if it is just what this order would make.

    Raises ConfigurationError.
    """
    order.check()
    try:
        text = (order.output / REPORT).read_text(encoding="utf-8")
        zipped = (order.output / ZIP).read_bytes()
    except OSError:
        return None
    found = report.read(text)
    if found is None or found.inputs != order.inputs:
        return None
    files = tree.entries(order.output / LAYER)
    same = tree.tree_hash(files, found.runtime, found.architecture) == found.tree
    return found if same and hashlib.sha256(zipped).hexdigest() == found.zip_sha256 else None


def build(order: Order) -> Report:
    """Build a layer. Raises ConfigurationError or LayerError, and then nothing has changed."""
    _check(order)
    try:
        return _build(order)
    except OSError as error:  # of a disk that is full, a folder that cannot be written
        raise LayerError(
            f"The layer cannot be written to {order.output}: {error}. What was there before is"
            " there still; make room, or name another folder with --output."
        ) from error


def _build(order: Order) -> Report:
    order.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=order.output.parent.absolute(), prefix=f".{order.output.name}."
    ) as name:
        made = Path(name) / "made"
        (made / LAYER).mkdir(parents=True)
        built = make(order, made / LAYER)
        files = tree.entries(made / LAYER)
        archive.write(made / LAYER, files, made / ZIP)
        built = _with_zip(built, (made / ZIP).read_bytes())
        text = json.dumps(built.document, indent=2, ensure_ascii=False)
        (made / REPORT).write_text(f"{text}\n", encoding="utf-8")
        if order.output.exists():
            order.output.rename(Path(name) / "replaced")
        made.rename(order.output)
    return built


def _with_zip(built: Report, content: bytes) -> Report:
    hint = report.upload_warning(len(content))
    warnings = (*built.warnings, *([hint] if hint else []))
    digest = hashlib.sha256(content).hexdigest()
    return replace(built, zipped=len(content), zip_sha256=digest, warnings=warnings)


def _check(order: Order) -> None:
    order.check()
    output = order.output
    if output.exists() and not (output / REPORT).is_file() and _occupied(output):
        raise ConfigurationError(
            f"{output} is there, and no layer that was built before; name another folder, or"
            " remove it."
        )


def _occupied(output: Path) -> bool:
    return not output.is_dir() or any(output.iterdir())
