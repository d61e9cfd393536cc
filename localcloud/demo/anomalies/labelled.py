"""Series with labelled anomalies: real ones out of a folder, as the Numenta benchmark has them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from millrace.errors import ConfigurationError

LABELS = "combined_windows.json"


class Labelled(NamedTuple):
    """A series, and the spans of its indices in which something is known to be wrong."""

    name: str
    times_s: list[float]
    values: list[float]
    windows: list[range]


def read_folder(folder: Path, most: int) -> list[Labelled]:
    """Labelled series of a folder like NAB's: the first of each subfolder, in turn.

    Raises ConfigurationError.
    """
    try:
        labels: Mapping[str, list[list[str]]] = json.loads((folder / LABELS).read_text("utf-8"))
        chosen = islice(_in_turn(name for name, spans in labels.items() if spans), most)
        found = [_read(folder, name, labels[name]) for name in chosen]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"{folder} must hold {LABELS} and the CSV files (timestamp,value) that it names, as the"
            f" Numenta Anomaly Benchmark has them: {type(error).__name__}: {error}"
        ) from error
    if not found:
        raise ConfigurationError(f"{folder / LABELS} labels no anomaly; name another folder")
    return found


def _in_turn(names: Iterable[str]) -> Iterator[str]:
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        folders[name.rpartition("/")[0]].append(name)
    # The real ones first, and those with known causes before them all.
    order = sorted(folders, key=lambda folder: (not folder.endswith("KnownCause"), folder[::-1]))
    rounds = zip_longest(*(folders[folder] for folder in order))
    return (name for one in rounds for name in one if name is not None)


def _read(folder: Path, name: str, spans: Iterable[Iterable[str]]) -> Labelled:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    times = [_seconds(row["timestamp"]) for row in rows]
    place = {time: index for index, time in enumerate(times)}
    ends = sorted([place[_seconds(end)] for end in span] for span in spans)
    windows = [range(first, last + 1) for first, last in ends]
    return Labelled(Path(name).stem, times, [float(row["value"]) for row in rows], windows)


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
