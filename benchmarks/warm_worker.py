"""A worker of the enrich function in a process of its own, and how its memory grows.

Imports the handler as Lambda does, then folds the events of many users into a store that keeps
nothing, so that what grows is what the worker remembers. Prints one JSON object: resident bytes
after the import and after all batches, and how many users are remembered.
"""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import orjson
from millrace.features.entry import Entry
from millrace.features.item import Attribute
from millrace.features.store import Conflict, Key, MemoryStore

from benchmarks.enriching import enricher, run
from benchmarks.traffic import START_MS, Record, stream, zipf_users

_BATCH, _DAY_MS = 500, 86_400_000
_PAGE = 4096


class ForgetfulStore(MemoryStore):
    """Takes every write and keeps none."""

    def read(self, keys: Sequence[Key]) -> Mapping[str, Entry | Exception | None]:
        """See Store."""
        return dict.fromkeys(key.storage for key in keys)

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        """See Store."""
        return None


def a_day(users: int, events: int) -> Iterator[list[Record]]:
    """Batches of a day in which every user comes at least once, made when they are asked for."""
    rng = random.Random(1)  # noqa: S311  traffic, not a secret
    senders = [f"user-{n}" for n in range(users)] + zipf_users(users, 1.1, events - users, rng)
    rng.shuffle(senders)
    pace = events * 1000 / _DAY_MS
    for first in range(0, events, _BATCH):
        start_ms = START_MS + round(first * 1000 / pace)
        some = senders[first : first + _BATCH]
        yield stream(some, pace, rng, first=first, start_ms=start_ms)


def resident_bytes() -> int:
    """This process's memory."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text(encoding="ascii").split()[1]) * _PAGE
    import resource  # the most there ever was, where nothing says what there is

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main(users: int, events: int) -> None:
    """Print what the memory was and became."""
    # The deployed handler, so that all that it loads is there.
    importlib.import_module("app")
    store = ForgetfulStore()
    worker = enricher(store)
    started = resident_bytes()
    for batch in a_day(users, events):
        run(worker, batch)
    grown = {"started": started, "warm": resident_bytes(), "users": len(worker.cache)}
    sys.stdout.write(orjson.dumps(grown).decode() + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
