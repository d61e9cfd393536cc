"""Putting events on a stream: checked, in batches, retried, under the entity's key."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import unavailable
from millrace.errors import Unavailable
from millrace.events import EventReader

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

# Limits of PutRecords.
BATCH_RECORDS = 500
BATCH_BYTES = 5 * 1024 * 1024
RECORD_BYTES = 1024 * 1024


class Outgoing(NamedTuple):
    """An event on its way: the partition key is the first entity's key."""

    partition_key: str
    data: bytes


def outgoing(
    document: object, reader: EventReader, now_ms: int, *, identify: bool = True
) -> Outgoing:
    """A checked event as it goes to the stream. Raises InvalidEvent.

    With `identify`, an event without an id gets one: a put that is tried again because its answer
    was lost is then recognised as one event.
    """
    event = reader.from_document(document, now_ms)
    mapping = reader.definitions.event
    key = event.keys[0]
    assert key is not None
    assert isinstance(document, dict)
    if identify and event.id is None and "." not in mapping.id:
        document = {**document, mapping.id: str(uuid.uuid4())}
    return Outgoing(key, orjson.dumps(document))


class Producer:
    """Puts events on one stream."""

    def __init__(
        self,
        kinesis: KinesisClient,
        stream: str,
        *,
        tries: int = 6,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._tries = tries
        self._sleep = sleep

    def put(self, events: Iterable[Outgoing]) -> int:
        """Put every event; how many there were.

        What the stream refuses for now is tried again, and may then stand behind later events of
        its key, and twice where an answer was lost: event time and event ids are made for that.
        Raises Unavailable when it goes on refusing.
        """
        count = 0
        for batch in batches(events):
            self._put_batch(batch)
            count += len(batch)
        return count

    def _put_batch(self, batch: Sequence[Outgoing]) -> None:
        waiting = list(batch)
        problem: Exception | str = ""
        for attempt in range(self._tries):
            if attempt:
                self._sleep(min(5.0, 0.1 * 2**attempt))
            try:
                waiting, problem = self._try(waiting)
            except (ClientError, BotoCoreError) as error:
                problem = error
            if not waiting:
                return
        where = self._kinesis.meta.endpoint_url
        action = f"put {len(waiting)} events on {self._stream} ({self._tries} tries)"
        raise unavailable(action, Unavailable(str(problem)), where)

    def _try(self, events: Sequence[Outgoing]) -> tuple[list[Outgoing], str]:
        """What the stream refused, and why it refused the first of it."""
        records: list[PutRecordsRequestEntryTypeDef] = [
            {"Data": event.data, "PartitionKey": event.partition_key} for event in events
        ]
        answer = self._kinesis.put_records(StreamName=self._stream, Records=records)
        refused = [
            (event, f"{result['ErrorCode']}: {result.get('ErrorMessage')}")
            for event, result in zip(events, answer["Records"], strict=True)
            if result.get("ErrorCode")
        ]
        return [event for event, _ in refused], refused[0][1] if refused else ""


def batches(events: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Events in batches that PutRecords takes."""
    batch: list[Outgoing] = []
    size = 0
    for event in events:
        its_size = len(event.data) + len(event.partition_key.encode())
        if batch and (len(batch) == BATCH_RECORDS or size + its_size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += its_size
    if batch:
        yield batch


def documents(body: bytes) -> list[Any]:
    """The events in a request's body: one object, or a list of them. Raises ValueError."""
    value = orjson.loads(body)
    return value if isinstance(value, list) else [value]
