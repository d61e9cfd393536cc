"""What is kept aside of a key's records: late events, and the records of a hole."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.errors import Unavailable
from millrace.features.batch import Group
from millrace.features.entry import Hole
from millrace.kinesis import Delivery, Position
from millrace.quarantine import (
    GAVE_UP,
    LATE,
    encode,
    gave_up_object,
    object_key,
    record_of,
    stream_name,
)


def late_object(group: Group, index: int) -> tuple[str, bytes]:
    """Key and body of the object for a late event."""
    delivery, entity = group.deliveries[index], group.key.plan.entity.name
    lateness_s = group.key.plan.lateness_ms / 1000
    message = f"more than {lateness_s:g} s before the newest event of {group.name!r}"
    kept = record_of(delivery, LATE, message, entity=entity)
    key = object_key(f"{LATE}/{entity}", stream_name(delivery.arn), delivery.position)
    return key, encode(kept)


def missing(group: Group, watermark: Position | None, error: Exception) -> list[Delivery]:
    """The records of the group above the watermark, which giving up passes over.

    Raises Unavailable where there is no order, and so no stretch of it that could be missing.
    """
    if None in group.ranks:
        raise Unavailable(f"Records without an order cannot be given up: {error}")
    return [one for one in group.deliveries if watermark is None or one.position > watermark]


def hole_object(
    group: Group, hole: Hole, records: Sequence[Delivery], error: Exception
) -> tuple[str, bytes]:
    """Key and body of the object for the records of a hole."""
    stream = stream_name(records[0].arn)
    kept = [record_of(delivery, GAVE_UP, str(error)) for delivery in records]
    return gave_up_object(stream, group.key.plan.entity.name, group.name, str(hole), kept)
