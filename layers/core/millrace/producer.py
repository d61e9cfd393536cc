"""Putting events on a stream: checked, in batches, retried, under the entity's key."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import unavailable
from millrace.errors import InvalidEvent, Unavailable
from millrace.events import MAX_KEY_BYTES, EventReader
from millrace.features.definitions import Definitions
from millrace.paths import value_at, with_field

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

# Limits of PutRecords.
BATCH_RECORDS = 500
BATCH_BYTES = 5 * 1024 * 1024
RECORD_BYTES = 1024 * 1024

# Trying again helps with none of these: a person must.
_HOPELESS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidArgumentException",
    "InvalidSignatureException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
}


class Outgoing(NamedTuple):
    """An event on its way: the partition key is the first entity's key."""

    partition_key: str
    data: bytes


def new_id() -> str:
    """An id that no other event has."""
    return str(uuid.uuid4())


def outgoing(
    document: object,
    reader: EventReader,
    now_ms: int,
    *,
    identify: Callable[[], str] | None = new_id,
) -> Outgoing:
    """A checked event as it goes to the stream. Raises InvalidEvent.

    An event without an id gets one from `identify`: a put that is tried again because its answer
    was lost is then recognised as one event.
    """
    event = reader.from_document(document, now_ms)
    key = event.keys[0]
    assert key is not None
    assert isinstance(document, dict)
    if identify is not None and event.id is None:
        document = with_field(document, reader.definitions.event.id, identify())
    return _fitting(Outgoing(key, _written(document)))


def unchecked(document: object, definitions: Definitions) -> Outgoing:
    """What is no valid event as it goes to the stream, where quarantine will take it.

    `document` is a JSON value, or the bytes of what is none. Without a usable key its content is
    its partition key. Raises InvalidEvent where no stream would take it.
    """
    data = document if isinstance(document, bytes) else _written(document)
    key = _key_in(document, definitions) or blake2b(data, digest_size=8).hexdigest()
    return _fitting(Outgoing(key, data))


def _written(document: object) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError as error:
        # What can be read can be nested more deeply than what can be written.
        raise InvalidEvent("not-writable", f"cannot be written as JSON: {error}") from error


def _key_in(document: object, definitions: Definitions) -> str | None:
    found = isinstance(document, Mapping) and value_at(document, definitions.primary.key)
    key = str(found) if type(found) is int else found
    return key if isinstance(key, str) and len(key.encode()) <= MAX_KEY_BYTES else None


def _fitting(event: Outgoing) -> Outgoing:
    size = _size(event)
    if size > RECORD_BYTES:
        message = f"with its key the event has {size} bytes; a record takes at most {RECORD_BYTES}"
        raise InvalidEvent("too-large", message)
    return event


def _size(event: Outgoing) -> int:
    return len(event.data) + len(event.partition_key.encode())


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
            except ClientError as error:
                problem = error
                if error.response["Error"].get("Code") in _HOPELESS:
                    break
            except BotoCoreError as error:
                problem = error
            if not waiting:
                return
        where = self._kinesis.meta.endpoint_url
        action = f"put {len(waiting)} events on {self._stream} ({attempt + 1} tries)"
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
        its_size = _size(event)
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
