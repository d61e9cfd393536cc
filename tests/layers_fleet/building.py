"""Built layers, without a build: a zip and its report."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def built(folder: Path, content: bytes = b"a zip", tree: str | None = None) -> Path:
    """A folder as `millrace layers build` leaves it; another content is another tree."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    report = {
        "tree": tree or hashlib.sha256(b"tree of " + content).hexdigest(),
        "runtime": "python3.13",
        "architecture": "arm64",
        "zip_sha256": digest,
        "after": 3 * len(content),
    }
    (folder / "layer.zip").write_bytes(content)
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder
