"""Histories to replay: a file of events, an archive in S3, or a copy of one in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from millrace.features.definitions import Definitions
from millrace.features.history import archived
from millrace.features.replay import Record
from millrace.folder import FolderObjects

from cli.cloud import Cloud
from cli.inputs import STANDARD_INPUT, Layout, opened
from cli.target import Target


class History(NamedTuple):
    """Records in their order of arrival; `position` of `size` bytes are read, where it is known."""

    records: Iterator[Record]
    size: int | None = None
    position: Callable[[], int] = lambda: 0


@contextlib.contextmanager
def history_of(file: str, definitions: Definitions, layout: Layout) -> Iterator[History]:
    """The events of a file, or of an archive's folder. Raises ConfigurationError."""
    if file != STANDARD_INPUT and Path(file).is_dir():
        yield History(archived(FolderObjects(Path(file))))
        return
    with opened(file) as source:
        records = (Record(line.document) for line in source.lines(definitions, layout))
        yield History(records, source.size, source.position)


def history_in(cloud: Cloud, target: Target) -> History:
    """A stack's own archive. Raises ConfigurationError where it keeps none."""
    return History(archived(cloud.archive(), target.places.stream))
