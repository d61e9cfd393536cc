"""Histories to train on: a file, an archive in a folder or in S3, or the built-in shop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions
from millrace.features.history import ReadableObjects, archived
from millrace.features.replay import Record
from millrace.folder import FolderObjects
from millrace.s3 import S3Objects
from millrace.tables import parse_mapping, read_events

_S3 = "s3://"
# A week in the shop.
_SHOP_DAYS = 7
_SHOP_DAY_EVENTS = 3_000


class History(NamedTuple):
    """Records in order of arrival, and where they are from.

    `position` is how far they are read, of `total`; a total of None is not known.
    """

    records: Iterator[Record]
    source: str
    total: int | None = None
    position: Callable[[], int] | None = None


class Below:
    """The objects below a prefix, under the keys that they have there."""

    def __init__(self, objects: ReadableObjects, prefix: str) -> None:
        self._objects = objects
        self._prefix = prefix

    def get(self, key: str) -> bytes:
        """See millrace.objects.Objects."""
        return self._objects.get(self._prefix + key)

    def keys(self, prefix: str) -> Iterator[str]:
        """See millrace.objects.Objects."""
        for key in self._objects.keys(self._prefix + prefix):
            yield key.removeprefix(self._prefix)


def is_archive_at(where: str) -> bool:
    """Whether this names an archive, rather than a file of events."""
    return where.startswith(_S3) or Path(where).is_dir()


def archive_at(where: str) -> ReadableObjects:
    """The objects of an archive. Raises ConfigurationError."""
    return _bucket(where) if where.startswith(_S3) else FolderObjects(Path(where))


def archive_name(where: str) -> str:
    """What an archive is called in a contract: nothing of the machine it was copied to."""
    return where if where.startswith(_S3) else f"archive {Path(where).resolve().name}"


@contextlib.contextmanager
def opened(
    where: str | None, definitions: Definitions, mapping: str = "", stream: str | None = None
) -> Iterator[History]:
    """The history that `--from`, `--map` and `--stream` name. Raises ConfigurationError."""
    if where is None:
        yield _shop(definitions)
    elif is_archive_at(where):
        yield History(archived(archive_at(where), stream), archive_name(where))
    else:
        with _file(Path(where), definitions, mapping) as history:
            yield history


def _shop(definitions: Definitions) -> History:
    # The one place that knows the local cloud: this is a checkout, for a container never trains.
    from localcloud.demo.shop import as_defined, past_days

    shop = past_days(_SHOP_DAYS, _SHOP_DAY_EVENTS)
    records = (Record(as_defined(document, definitions)) for document in shop)
    source = f"{_SHOP_DAYS} days of the built-in shop"
    return History(records, source, _SHOP_DAYS * _SHOP_DAY_EVENTS)


def _bucket(where: str) -> ReadableObjects:
    bucket, _, prefix = where.removeprefix(_S3).partition("/")
    if not bucket:
        raise ConfigurationError(f"--from {where}: must be s3://BUCKET or s3://BUCKET/PREFIX.")
    prefix = prefix.rstrip("/")
    return Below(S3Objects(bucket), f"{prefix}/" if prefix else "")


@contextlib.contextmanager
def _file(path: Path, definitions: Definitions, mapping: str) -> Iterator[History]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ConfigurationError(
            f"--from {path}: {error.strerror}. It takes a file of events, the folder of an archive,"
            " or s3://BUCKET/PREFIX."
        ) from error
    with stream:
        lines = read_events(stream, path.name, definitions, parse_mapping(mapping))
        records = (Record(line.document) for line in lines)
        yield History(records, path.name, path.stat().st_size, stream.tell)
