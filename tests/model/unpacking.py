"""Model archives, unpacked."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path


def unpacked(archive: bytes, folder: Path) -> Path:
    """The folder, with what is in the archive."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        tar.extractall(folder, filter="data")
    return folder
