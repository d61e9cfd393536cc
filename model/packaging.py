"""model.tar.gz: the same bytes for the same model, whenever and wherever it is packed."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError

from model.contract import CONTRACT_FILE, MODEL_FILE, Contract

_MODE = 0o644


def model_bytes(document: Mapping[str, Any]) -> bytes:
    """The text of model.json."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def archive(contract: Contract, model: bytes) -> bytes:
    """The archive: sorted names, no owner and no time."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as unpacked,
        tarfile.open(mode="w", fileobj=unpacked, format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, body in sorted({CONTRACT_FILE: contract.to_json(), MODEL_FILE: model}.items()):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            member.mode = _MODE
            tar.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def write_archive(path: Path, body: bytes) -> None:
    """Write an archive, whole or not at all. Raises ConfigurationError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(body)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigurationError(f"--out {path}: cannot be written: {error.strerror}") from error
