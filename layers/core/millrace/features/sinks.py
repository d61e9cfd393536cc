"""What follows the state: an archive of events, a feature store.

A sink takes the same batch again after a crash or a failure, so each is idempotent: what was
skipped for the state, because it was applied before, is not skipped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import orjson

from millrace.features.entry import Entry
from millrace.features.item import iso_ms
from millrace.features.plan import Plan
from millrace.kinesis import Delivery
from millrace.objects import Objects
from millrace.quarantine import stream_name


class Followed(NamedTuple):
    """A key of the batch whose entry is stored: in the table, and as the events have it."""

    storage: str
    key: str
    plan: Plan
    entry: Entry


class KeySink(Protocol):
    """Takes each key's entry, once it is stored."""

    def take(self, followed: Followed) -> None:
        """Bring the sink up to the entry. Raises Unavailable."""
        ...


class Archive:
    """Every valid event (or inference, or feedback) as it came, in S3, as JSON lines.

    One object a batch, named after its first and last record. A batch that is tried again leaves
    objects that overlap; a reader takes each position once.
    """

    def __init__(self, objects: Objects, kind: str = "events") -> None:
        self._objects = objects
        self._kind = kind

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Store deliveries of one shard. Raises Unavailable."""
        first, last = deliveries[0], deliveries[-1]
        stream = stream_name(first.arn)
        day = iso_ms(first.arrival_ms)[:10]
        lines = [_line(delivery) for delivery in deliveries]
        position = first.position
        key = (
            f"{self._kind}/stream={stream}/date={day}/shardId-{position.shard:012d}/"
            f"{position.created_ms}-{position.sequence:056d}-{last.position.sequence:056d}.jsonl"
        )
        self._objects.put(key, b"\n".join(lines) + b"\n")


def _line(delivery: Delivery) -> bytes:
    # White space is all that a line break in valid JSON can be.
    event = delivery.data.replace(b"\n", b" ").replace(b"\r", b" ")
    return orjson.dumps(
        {
            "position": str(delivery.position),
            "partitionKey": delivery.partition_key,
            "arrivalMs": delivery.arrival_ms,
            "event": orjson.Fragment(event),
        }
    )
