"""The event that a function gets for a batch, as Lambda writes it.

Fields and their order are those of the Lambda developer guide's "Example Kinesis event". Every
record is encoded once, when it is read; batches, retries and on-failure records join the bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from localcloud.ports import StreamRecord

# Lambda's quota for the payload of a synchronous invocation, "6 MB".
PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024

_HEAD, _TAIL = b'{"Records":[', b"]}"
_FRAME_BYTES = len(_HEAD) + len(_TAIL)


@dataclass(frozen=True, slots=True)
class QueuedRecord:
    """A record on its way to the function.

    `ordinal` counts the shard's records as this run read them; `entry` is the record's element of
    the event's "Records".
    """

    ordinal: int
    sequence_number: str
    arrival_ms: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class EventShape:
    """What all records of a mapping have in common."""

    event_source_arn: str
    region: str
    role_arn: str

    def queued(self, shard_id: str, ordinal: int, record: StreamRecord) -> QueuedRecord:
        """Encode a record of `shard_id`."""
        entry = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number,
                "data": b64encode(record.data).decode("ascii"),
                "approximateArrivalTimestamp": record.arrival_ms / 1000,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard_id}:{record.sequence_number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self.role_arn,
            "awsRegion": self.region,
            "eventSourceARN": self.event_source_arn,
        }
        return QueuedRecord(ordinal, record.sequence_number, record.arrival_ms, orjson.dumps(entry))


def event_of(records: Sequence[QueuedRecord]) -> bytes:
    """The event with these records, as JSON."""
    return _HEAD + b",".join(record.entry for record in records) + _TAIL


def event_bytes(entry_bytes: int, records: int) -> int:
    """How long an event is whose `records` entries take `entry_bytes` together."""
    return _FRAME_BYTES + entry_bytes + max(0, records - 1)
