"""A file of events as records for the stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from millrace.features.definitions import Definitions

from localcloud.demo.traffic import Put


def file_records(path: Path, mapping: str, definitions: Definitions) -> Iterator[Put]:
    """Every line of the file, in its order, due at once."""
    raise NotImplementedError
