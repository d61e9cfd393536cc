"""Seeded events as Lambda hands them over: who sends them is Zipf-distributed, or one user alone.

The same seed gives the same records on every machine and under every Python.
"""

from __future__ import annotations

import base64
import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import orjson

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
STREAM_CREATED_MS = 1_690_000_000_000
START_MS = 1_700_000_000_000
TYPES = ("view", "cart", "purchase", "search", "login")

Record = dict[str, Any]

# Sequence numbers have 56 digits.
_FIRST_SEQUENCE = 49_650_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000


def zipf_users(users: int, exponent: float, count: int, rng: random.Random) -> list[str]:
    """Who sends each of `count` events: the user of rank r as often as r ** -exponent."""
    weights = list(accumulate((rank + 1) ** -exponent for rank in range(users)))
    return [f"user-{bisect(weights, rng.random() * weights[-1])}" for _ in range(count)]


def document(user: str, time_ms: int, rng: random.Random) -> dict[str, object]:
    """An event as a producer writes it."""
    return {
        "eventId": f"{rng.getrandbits(128):032x}",
        "userId": user,
        "eventType": rng.choice(TYPES),
        "metric": round(rng.uniform(1, 200), 2),
        "timestamp": datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(),
    }


def record(event: dict[str, object], partition_key: str, index: int, arrival_ms: int) -> Record:
    """The Kinesis record of an event, as it stands in an invocation."""
    sequence_number = str(_FIRST_SEQUENCE + index)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(orjson.dumps(event)).decode(),
            "approximateArrivalTimestamp": arrival_ms / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "eventSourceARN": ARN,
    }


def stream(
    users: Sequence[str],
    events_per_s: float,
    rng: random.Random,
    *,
    first: int = 0,
    start_ms: int = START_MS,
) -> list[Record]:
    """One event for each of `users`, at an even pace of event time; each arrives 100 ms later.

    `first` is how many records there were on the stream before.
    """
    records = []
    for index, user in enumerate(users):
        time_ms = start_ms + round(index * 1000 / events_per_s)
        records.append(record(document(user, time_ms, rng), user, first + index, time_ms + 100))
    return records


def batches(records: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    """The records, `size` at a time."""
    for start in range(0, len(records), size):
        yield records[start : start + size]
