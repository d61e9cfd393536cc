"""What the library does, as one text, for interpreters that have nothing but its own dependencies.

Run as a program with the path of a features.toml and the names of modules: it imports those, reads
times and numbers, takes batches through the enricher, packs, migrates and reads features, and
prints all that as JSON. Every interpreter must print the same.
"""

from __future__ import annotations

import base64
import json
import sys
from importlib import import_module

TIMES = [
    "2026-01-31T12:00:00Z",
    "2026-01-31 12:00:00.123456+05:30",
    "2026-01-31",
    "20260131T120000",
    "2026-W05-6",
    "2026-W05-6T12:00",
    "2026-01-31T12",
    "2026-01-31T12:00:00,5",
    "2026-01-31T12:00:00.1234567890",
    "2026-01-31T24:00:00",
    "2026-01-31T12:00:00+00:00:00.5",
    "2026-03-29T02:30:00",
    "2026-02-30",
    "2026-01-31T12:00:60Z",
    "2026-01-31T12:00:00 Z",
    "1700000000",
    1_700_000_000,
    1_700_000_000.123,
    1_700_000_000_123,
    "٢٠٢٦-01-31",
]
NUMBERS = [0.1, 2.675, 1e-9, 0.00005, 0.00015, 123456789.12345, 1e14, -0.5, 7, None]
CHANGED = """
version = 1
[event.numbers.metric]
scale = 6
[event.categories.kind]
field = "eventType"
[entity.user]
key = "userId"
windows = ["1m", "7d"]
[entity.user.all_types]
metric = ["sum", "std", "distinct"]
kind = ["distinct"]
"""
START_MS = 1_700_000_000_000
ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/events"


def imported(names: list[str]) -> list[str]:
    """Import these modules."""
    return [import_module(name).__name__ for name in names]


def times() -> list[object]:
    """What every text or number is as a time, or why it is none."""
    from millrace.errors import InvalidEvent
    from millrace.events import read_time_ms

    found: list[object] = []
    for value in TIMES:
        try:
            found.append(read_time_ms(value))
        except InvalidEvent as error:
            found.append(str(error))
    return found


def records(count: int) -> list[dict[str, object]]:
    """Records as Lambda hands them over: three users, bursts, repetitions, poison."""
    found: list[dict[str, object]] = []
    for n in range(count):
        event = {
            "eventId": f"e{n - 3 * (n % 9 == 8)}",
            "userId": f"u{n % 3}",
            "eventType": ("view", "buy", "view")[n % 3],
            "metric": NUMBERS[n % len(NUMBERS)],
            "timestamp": (START_MS + n * n * 40) / 1000 if n % 97 else "soon",
        }
        data = base64.b64encode(json.dumps(event).encode()).decode()
        kinesis = {
            "partitionKey": event["userId"],
            "sequenceNumber": str(10**55 + n),
            "data": data,
            "approximateArrivalTimestamp": (START_MS + n * n * 40) / 1000,
        }
        shard = {"eventID": f"shardId-000000000000:{n}", "eventSourceARN": ARN}
        found.append({"kinesis": kinesis, **shard})
    return found


def enriched(count: int) -> dict[str, object]:
    """Every user's features and state after batches, and what the reports were."""
    from pathlib import Path

    from millrace.events import EventReader
    from millrace.features.batch import BatchReader
    from millrace.features.definitions import load
    from millrace.features.definitions_parser import parse
    from millrace.features.enrich import Enricher
    from millrace.features.item import from_item
    from millrace.features.plan import plans_of
    from millrace.features.snapshot import snapshot
    from millrace.features.store import MemoryStore
    from millrace.kinesis import Stream
    from millrace.objects import MemoryObjects

    class Streams:
        def stream(self, arn: str) -> Stream:
            return Stream(1, lambda shard_id: (0, 2**128 - 1))

        def begins(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> None: ...

        def forget(self, arn: str) -> None: ...

    definitions = load(Path(sys.argv[1]))
    store, objects = MemoryStore(), MemoryObjects()
    enricher = Enricher(BatchReader(EventReader(definitions), Streams()), store, objects)
    batch = records(count)
    reports = [
        enricher.handle(batch[start : start + 70], START_MS).summary
        for start in range(0, count, 50)
    ]
    plan, changed = plans_of(definitions)[0], plans_of(parse(CHANGED))[0]
    at_ms = START_MS + count * count * 40
    return {
        "reports": reports,
        "kept": sorted(objects.bodies),
        "states": {key: item["state"].hex() for key, item in sorted(store.items.items())},
        "features": [
            snapshot(from_item(item, its_plan).profile, its_plan, at_ms)
            for _, item in sorted(store.items.items())
            for its_plan in (plan, changed)
        ],
    }


def main() -> None:
    """Print the story."""
    told = {"modules": imported(sys.argv[2:]), "times": times(), "enriched": enriched(700)}
    print(json.dumps(told, sort_keys=True))


if __name__ == "__main__":
    main()
