"""The enrich function and the reading of features, beside the tutorials' handler.

Throughput is decode, fold and encode of Kinesis batches as Lambda hands them over, warm, with the
store in memory: least processor time of several rounds. What the runtime does before (its own JSON
parse) and what DynamoDB does behind is not in it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from statistics import quantiles

from millrace.features.enrich import Enricher
from millrace.features.store import MemoryStore

from benchmarks.enriching import CountingStore, enricher, run
from benchmarks.figures import Figure, Measured, at_least, at_most
from benchmarks.lag import lag_figures
from benchmarks.reading import reading_figures
from benchmarks.traffic import Record, batches, stream, zipf_users
from benchmarks.tutorial import CountedTable, lambda_handler

_USERS, _EXPONENT, _SEED = 10_000, 1.1, 7
_EVENTS_PER_S = 200.0
_ROUNDS = 5
_TUTORIAL = "tutorial's handler"


def traffic(count: int, seed: int = _SEED) -> list[Record]:
    """Zipf(1.1) over 10,000 users."""
    rng = random.Random(seed)  # noqa: S311  traffic, not a secret
    return stream(zipf_users(_USERS, _EXPONENT, count, rng), _EVENTS_PER_S, rng)


def one_user(count: int, seed: int = _SEED) -> list[Record]:
    """Everything from one user, a thousand events a second: the most that a shard takes."""
    rng = random.Random(seed)  # noqa: S311
    return stream(["user-0"] * count, 1_000.0, rng)


def request_figures(events: int = 60_000, batch: int = 500) -> list[Figure]:
    """What DynamoDB is asked for 1,000 events, and what it would charge."""
    records = traffic(events)
    table = CountedTable()
    for some in batches(records, batch):
        lambda_handler(table, {"Records": some})
    rival = (_TUTORIAL, sum(table.requests.values()) * 1000 / events)
    store = CountingStore()
    worker = enricher(store)
    keys = 0
    for some in batches(records, batch):
        keys += len({record["kinesis"]["partitionKey"] for record in some})
        run(worker, some)
    asked = store.asked
    a_thousand = 1000 / events
    return [
        at_most(
            "requests per 1,000 events",
            (asked.writes + asked.reads) * a_thousand,
            "requests",
            rival=rival,
        ),
        at_most("writes per distinct user and batch", asked.writes / keys, "writes", 1.0),
        at_most("conflicts", float(asked.conflicts), "writes"),
        at_most("WCU per 1,000 events", asked.write_units * a_thousand, "units"),
        at_most("RCU per 1,000 events", asked.read_units * a_thousand, "units"),
        *_warm_reads(worker, store, events, batch),
    ]


def _warm_reads(worker: Enricher, store: CountingStore, events: int, batch: int) -> list[Figure]:
    """Reads of a worker that has seen every user: it remembers them."""
    before_reads, before_writes = store.asked.keys_read, store.asked.writes
    later = stream(
        zipf_users(_USERS, _EXPONENT, events // 3, random.Random(_SEED + 1)),  # noqa: S311
        _EVENTS_PER_S,
        random.Random(_SEED + 2),  # noqa: S311
    )
    seen = set(store.items)
    for some in batches(later, batch):
        run(worker, [one for one in some if one["kinesis"]["partitionKey"] in seen])
    reads = store.asked.keys_read - before_reads
    writes = store.asked.writes - before_writes
    return [at_most("reads, every user seen", 100 * reads / writes, "% of writes", 5.0)]


def throughput_figures(rounds: int = _ROUNDS) -> list[Figure]:
    """Events a second of one core."""
    cases = (
        ("500, Zipf(1.1)", traffic(20_000), 500, 20_000),
        ("10,000, Zipf(1.1)", traffic(20_000), 10_000, 50_000),
        ("500, one user", one_user(20_000), 500, 100_000),
    )
    figures = []
    for name, records, size, target in cases:
        best_s, writes = min(_timed(records, size) for _ in range(rounds))
        tutorial_s = min(_tutorial_timed(records, size) for _ in range(rounds))
        rival = (f"{_TUTORIAL}, on a table that costs nothing", len(records) / tutorial_s)
        figures.append(
            at_least(
                f"throughput, batches of {name}",
                len(records) / best_s,
                "events/s a core",
                target,
                rival,
            )
        )
        figures.append(at_most(f"a user-write, batches of {name}", best_s / writes * 1e6, "µs"))
    return figures


def _timed(records: Sequence[Record], size: int) -> tuple[float, int]:
    """Processor seconds of the records, half of which only warm the worker; and its writes."""
    store = CountingWrites()
    worker = enricher(store)
    half = len(records) // 2 // size * size or size
    for some in batches(records[:half], size):
        run(worker, some)
    store.writes = 0
    later = list(batches(records[half:], size)) or [records]
    begun_s = time.process_time()
    for some in later:
        run(worker, some)
    used_s = time.process_time() - begun_s
    events = sum(map(len, later))
    return used_s * len(records) / events, round(store.writes * len(records) / events)


class CountingWrites(MemoryStore):
    """A store in memory that counts its writes, and nothing that costs time."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        """See Store."""
        self.writes += 1
        return super().write(*args, **kwargs)  # type: ignore[arg-type]


def _tutorial_timed(records: Sequence[Record], size: int) -> float:
    table = CountedTable()
    begun_s = time.process_time()
    for some in batches(records, size):
        lambda_handler(table, {"Records": some})
    return time.process_time() - begun_s


def hot_user_figures(rounds: int = _ROUNDS) -> list[Figure]:
    """What one user with half of the traffic does to the time of all others."""
    rng = random.Random(_SEED)  # noqa: S311
    others = zipf_users(_USERS, _EXPONENT, 10_000, rng)
    mixed = [user for other in others for user in (other, "hot")]
    alone = stream(others, _EVENTS_PER_S, random.Random(_SEED))  # noqa: S311
    both = stream(mixed, 2 * _EVENTS_PER_S, random.Random(_SEED))  # noqa: S311
    alone_s = min(_timed(alone, 500)[0] for _ in range(rounds))
    both_s = min(_timed(both, 1_000)[0] for _ in range(rounds))
    return [
        at_most(
            "time with a user that doubles the traffic",
            both_s / alone_s,
            "× without",
            2.0,
            (f"{_TUTORIAL}: requests with, against without", 2.0),
        )
    ]


def memory_figures(users: int = 10_000) -> list[Figure]:
    """What a warm worker's memory holds of each user; and items as they are stored."""
    import tracemalloc

    records = traffic(40_000)
    store = CountingStore()
    tracemalloc.start()
    worker = enricher(store)
    for some in batches(records, 500):
        run(worker, some)
    cached = len(worker.cache)
    with_cache, _ = tracemalloc.get_traced_memory()
    worker.cache = type(worker.cache)()
    without_cache, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sizes = quantiles(store.asked.sizes, n=100)
    return [
        at_most("memory of a remembered user", (with_cache - without_cache) / cached, "bytes"),
        at_most("item written, median", sizes[49], "bytes", 1024.0),
        at_most("item written, 99th percentile", sizes[98], "bytes"),
    ]


def measure() -> Measured:
    """Every figure of features."""
    figures: list[Figure] = []
    parts = (
        request_figures,
        throughput_figures,
        hot_user_figures,
        reading_figures,
        memory_figures,
        lag_figures,
    )
    for part in parts:
        sys.stderr.write(f"millrace: measuring {part.__name__.removesuffix('_figures')} …\n")
        figures += part()
    return Measured(figures)
