"""Files, definitions and quarantines for the tests of commands."""

from __future__ import annotations

import json
from typing import Any

from cli.kept_objects import Kind
from tests.cli.fakes import FakeCloud
from tests.features.streaming import Bench, Record, document, record

# Two entities of the same events.
TWO = """
version = 1
[event.numbers.price]
[entity.user]
key = "userId"
windows = ["5m", "15m"]
[entity.user.by_type]
buy = { price = ["sum"] }
[entity.item]
key = "itemId"
windows = ["1h"]
"""

GOOD = [document(n, f"u{n % 3}", eventId=None) for n in range(9)]


def lines_of(*documents: Any) -> str:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in documents)


def give_up(bench: Bench, event: Record, sequence: int) -> None:
    """A hole at this record, of a bench that gives up at once."""
    bench.store.fail_writes = lambda key: key == "u1"
    bench.run(record(event, sequence))
    bench.store.fail_writes = lambda key: False


def failed_batch(bench: Bench, *records: Record) -> str:
    """What Lambda leaves of a batch that it gave up on."""
    key = "aws/lambda/mapping/shardId-000000000000/2026/01/31/2026-01-31T12.00.00-x"
    content = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "version": "1.0",
        "timestamp": "2026-01-31T12:00:00.000Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": "4",
            "endSequenceNumber": "6",
            "batchSize": len(records),
        },
        "payload": json.dumps({"Records": records}),
    }
    bench.objects.bodies[key] = json.dumps(content).encode()
    return key


def key_of(cloud: FakeCloud, kind: Kind) -> str:
    (key,) = cloud.bench.objects.keys(f"{kind.prefix}/")
    return key


def by_kind(found: Any) -> dict[str, Any]:
    return {one["kind"]: one for one in found["objects"]}
