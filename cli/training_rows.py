"""Training rows on their way into a file: JSON lines, or CSV with a column for every feature."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal, cast

import orjson
from millrace.errors import ConfigurationError, MillraceError
from millrace.features.item import iso_ms
from millrace.features.plan import Plan
from millrace.features.replay import Row

Write = Callable[[Row], None]

_FORMS: Mapping[str, Literal["jsonl", "csv"]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}
_OWN_COLUMNS = ("key", "time", "at", "type", "id")
# Every type has features of its own, and types come from outside.
_MOST_COLUMNS = 5_000


def row_document(row: Row) -> dict[str, Any]:
    """A row as JSON: `time` is the event's, `at` that of the features (see replay)."""
    event = row.event
    return {
        "key": row.key,
        "time": iso_ms(event.time_ms),
        "at": iso_ms(row.at_ms),
        "type": event.type,
        "id": event.id,
        "event": row.document,
        "features": row.features,
    }


@contextlib.contextmanager
def rows_to(path: Path | None, plan: Plan) -> Iterator[Write]:
    """What writes rows to a file, by its ending, or to stdout as JSON lines.

    The file is there only when all of it is. Raises ConfigurationError for an ending that is not
    known, and where the file cannot be written.
    """
    if path is None:
        yield lambda row: _json_line(sys.stdout.buffer, row)
        sys.stdout.flush()
        return
    form = _form(path)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with _created(unfinished, packed=path.suffix == ".gz") as stream:
            if form == "jsonl":
                yield lambda row: _json_line(stream, row)
            else:
                with _Columns(plan) as columns:
                    yield columns.add
                    columns.write(stream)
        unfinished.replace(path)
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def _form(path: Path) -> Literal["jsonl", "csv"]:
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in _FORMS:
        raise ConfigurationError(
            f"--out {path}: its name must end in {', '.join(_FORMS)}, or one of these with .gz."
        )
    return _FORMS[ending]


@contextlib.contextmanager
def _created(path: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as stream:
        if not packed:
            yield stream
            return
        # Without a name and a time in it: the same rows are the same bytes.
        with gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as zipped:
            yield cast("IO[bytes]", zipped)


def _json_line(stream: IO[bytes], row: Row) -> None:
    stream.write(orjson.dumps(row_document(row)) + b"\n")


class _Columns:
    """Rows kept aside until it is known which columns they have."""

    def __init__(self, plan: Plan) -> None:
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._fields: dict[str, None] = {}
        self._features: dict[str, None] = dict.fromkeys(plan.names_of_all)

    def __enter__(self) -> _Columns:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def add(self, row: Row) -> None:
        """Take a row. Raises MillraceError where there would be too many columns."""
        self._fields.update(dict.fromkeys(row.document))
        self._features.update(dict.fromkeys(row.features))
        if len(self._fields) + len(self._features) > _MOST_COLUMNS:
            raise MillraceError(
                f"More than {_MOST_COLUMNS:,} columns: too many event types (or fields) for a"
                " table. JSON lines take any number of them: --out FILE.jsonl"
            )
        _json_line(self._kept, row)

    def write(self, stream: IO[bytes]) -> None:
        """Write the table."""
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text)
        features = self._ordered_features()
        writer.writerow([*_OWN_COLUMNS, *(f"event.{name}" for name in self._fields), *features])
        self._kept.seek(0)
        for line in self._kept:
            kept = orjson.loads(line)
            writer.writerow(
                [
                    *(kept[name] for name in _OWN_COLUMNS),
                    *_cells(kept["event"], self._fields),
                    *_cells(kept["features"], features),
                ]
            )
        text.detach()

    def _ordered_features(self) -> list[str]:
        """Those over all types first, then type by type, each in its own order."""
        return sorted(self._features, key=lambda name: name.partition(".")[2])


def _cells(values: Mapping[str, Any], names: Iterable[str]) -> Iterator[object]:
    for name in names:
        value = values.get(name)
        yield orjson.dumps(value).decode() if isinstance(value, dict | list | bool) else value
