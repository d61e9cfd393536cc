"""What a warm worker of the enrich function takes: 10,000 users of a day, in a fresh process."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from benchmarks.cold_start import ROOT, of_function, run_fresh
from benchmarks.figures import Figure, at_most

_MB = 1024 * 1024


class Memory(NamedTuple):
    """Resident bytes after the import and after the last batch, and users remembered."""

    started: int
    warm: int
    users: int


def measured(users: int, events: int) -> Memory:
    """Of a worker that has seen so many users."""
    _, folders = of_function("enrich")
    command = ["-m", "benchmarks.warm_worker", str(users), str(events)]
    return Memory(**orjson.loads(run_fresh(command, [ROOT, *folders])))


def memory_figures(users: int = 10_000, events: int = 100_000) -> list[Figure]:
    """The worker's memory, and what each user adds to it."""
    memory = measured(users, events)
    return [
        at_most("memory of a worker, nothing seen", memory.started / _MB, "MB"),
        at_most(f"memory of a worker, {users:,} users seen", memory.warm / _MB, "MB"),
        at_most(
            "memory of a remembered user",
            (memory.warm - memory.started) / memory.users,
            "bytes",
        ),
    ]
