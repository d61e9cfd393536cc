"""What a mapping gave up on, and where it leaves it: the on-failure destination.

The record's fields are those of the Lambda developer guide, "Retain discarded batch records for a
Kinesis Data Streams event source", and of recorded answers of the service:

- `requestContext`: requestId, functionArn, condition (`RetryAttemptsExhausted` or
  `RecordAgeExceeded`) and approximateInvokeCount, which counts the invocations of the batch as it
  was last delivered (so not those before a split or a partial answer), and is 1 for records that
  are too old, even if the function never saw them;
- `responseContext`: statusCode 200, executedVersion, and functionError, which is "Unhandled" after
  an error and null after a partial answer; absent for records that are too old;
- `version`, `timestamp`, and `KinesisBatchInfo`: shardId, startSequenceNumber, endSequenceNumber,
  approximateArrivalOfFirstRecord, approximateArrivalOfLastRecord, batchSize, streamArn;
- `payload`, in S3 only: the whole event as JSON text within the JSON. SQS and SNS get the rest,
  and whoever reads it must fetch the records from the stream before they expire.

An S3 object is called aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import orjson
from millrace.errors import ConfigurationError

from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.event import QueuedRecord, event_of
from localcloud.ports import ObjectStore

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"


class MessageSink(Protocol):
    """Where an SQS or SNS destination gets its message."""

    async def send(self, target_arn: str, body: bytes) -> None:
        """Send `body` to the queue or topic; raises on failure, and then nothing was sent."""
        ...


@dataclass(frozen=True, slots=True)
class Discarded:
    """Records that will not be delivered any more; `error` is that of the last invocation."""

    shard_id: str
    condition: str
    records: Sequence[QueuedRecord]
    invocations: int
    error: str | None
    request_id: UUID
    now_ms: int


class Destination:
    """A mapping's on-failure destination, if it has one."""

    def __init__(
        self, config: MappingConfig, objects: ObjectStore | None, messages: MessageSink | None
    ) -> None:
        self._config = config
        self._objects = objects
        self._messages = messages
        needed = None if config.on_failure_arn is None else self._sink(config.on_failure_arn)
        if config.on_failure_arn and needed is None:
            raise ConfigurationError(
                f"Mapping {config.uuid} of {config.function_name} leaves failures at "
                f"{config.on_failure_arn}, but was given nothing to write there with; pass "
                "`objects` for a bucket, `messages` for a queue or topic."
            )

    async def send(self, discarded: Discarded) -> None:
        """Leave a record of what was discarded; raises whatever the destination raises."""
        arn = self._config.on_failure_arn
        if arn is None:
            return
        body = invocation_record(self._config, discarded, with_payload=_is_bucket(arn))
        if self._objects is not None and _is_bucket(arn):
            bucket = arn.split(":", 5)[5]
            await self._objects.put(bucket, object_key(self._config, discarded), body)
        elif self._messages is not None:
            await self._messages.send(arn, body)

    def _sink(self, arn: str) -> ObjectStore | MessageSink | None:
        return self._objects if _is_bucket(arn) else self._messages


def invocation_record(config: MappingConfig, discarded: Discarded, *, with_payload: bool) -> bytes:
    """The JSON document for a destination."""
    first, last = discarded.records[0], discarded.records[-1]
    too_old = discarded.condition == TOO_OLD
    document: dict[str, object] = {
        "requestContext": {
            "requestId": str(discarded.request_id),
            "functionArn": config.function_arn,
            "condition": discarded.condition,
            "approximateInvokeCount": 1 if too_old else discarded.invocations,
        }
    }
    if not too_old:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": config.function_version,
            "functionError": None if discarded.error is None else "Unhandled",
        }
    document |= {
        "version": "1.0",
        "timestamp": _iso(discarded.now_ms),
        "KinesisBatchInfo": {
            "shardId": discarded.shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": _iso(first.arrival_ms),
            "approximateArrivalOfLastRecord": _iso(last.arrival_ms),
            "batchSize": len(discarded.records),
            "streamArn": config.stream_arn,
        },
    }
    if with_payload:
        document["payload"] = event_of(discarded.records).decode()
    return orjson.dumps(document)


def object_key(config: MappingConfig, discarded: Discarded) -> str:
    """Where in its bucket a record is put."""
    when = datetime.fromtimestamp(discarded.now_ms / 1000, UTC)
    return (
        f"aws/lambda/{config.uuid}/{discarded.shard_id}/{when:%Y/%m/%d}/"
        f"{when:%Y-%m-%dT%H.%M.%S}-{discarded.request_id}"
    )


def _is_bucket(arn: str) -> bool:
    return arn.split(":")[2] == "s3"


def _iso(ms: int) -> str:
    return (
        datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
    )
