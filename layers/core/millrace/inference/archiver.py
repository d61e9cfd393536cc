"""Inference records and feedback, from their stream to S3.

What is no record goes to quarantine before it counts as done; then each kind is put as one object
a batch, named after the batch, so that a batch that comes again overwrites what it left before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from millrace.errors import InvalidEvent, MillraceError, Unavailable
from millrace.features.sinks import Archive
from millrace.inference.records import FEEDBACK, INFERENCE, Kind, kind_of
from millrace.kinesis import Delivery, Rejected, Stream, decode, partial_batch_answer
from millrace.objects import Objects
from millrace.quarantine import (
    OF_INFERENCES,
    POISON,
    encode,
    object_key,
    record_of,
    rejected_object,
    stream_name,
)

if TYPE_CHECKING:
    from millrace.features.batch import Streams

FOLDERS: dict[Kind, str] = {INFERENCE: "inferences", FEEDBACK: "feedback"}


@dataclass(slots=True)
class Archived:
    """What became of a batch.

    Attributes:
        inferences, feedback, quarantined: how many records were put where.
        problems: what could not be put, and why.
        failed: sequence numbers from which Lambda must deliver again.
    """

    inferences: int = 0
    feedback: int = 0
    quarantined: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @property
    def answer(self) -> dict[str, list[dict[str, str]]]:
        """What the function answers."""
        return partial_batch_answer(self.failed)

    def failure(self, sequence_number: str, what: str, error: Exception) -> None:
        """Note that everything from this record on must come again."""
        self.failed.append(sequence_number)
        self.problems[what] = f"{type(error).__name__}: {error}"


class Archiver:
    """Archives batches of the inference stream."""

    def __init__(self, streams: Streams, archive: Objects, quarantine: Objects) -> None:
        self._streams = streams
        self._archives = {kind: Archive(archive, folder) for kind, folder in FOLDERS.items()}
        self._quarantine = quarantine

    def handle(self, records: Sequence[Any]) -> Archived:
        """Process the records of one invocation.

        Raises Unavailable where no single record can be named to come again.
        """
        done = Archived()
        kept: dict[Kind, list[Delivery]] = {INFERENCE: [], FEEDBACK: []}
        try:
            decoded = list(decode(records, self._stream_of))
        except Unavailable as error:
            # The stream could not be described, so no record has a place: all come again.
            done.failure(_first_number(records, error), "the stream", error)
            return done
        for found in decoded:
            if isinstance(found, Rejected):
                key, body = rejected_object(found)
                self._put_away(key, body, found.sequence_number, done)
                continue
            try:
                kept[kind_of(found.data)].append(found)
            except InvalidEvent as error:
                key = object_key(POISON, stream_name(found.arn), found.position)
                body = encode(record_of(found, error.reason, str(error), of=OF_INFERENCES))
                self._put_away(key, body, found.sequence_number, done)
        done.inferences = self._put(INFERENCE, kept[INFERENCE], done)
        done.feedback = self._put(FEEDBACK, kept[FEEDBACK], done)
        return done

    def _stream_of(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
        self._streams.begins(arn, shard_id, sequence, arrival_ms)
        return self._streams.stream(arn)

    def _put_away(self, key: str, body: bytes, number: str | None, done: Archived) -> None:
        try:
            self._quarantine.put(key, body)
        except MillraceError as error:
            if number is None:
                raise
            done.failure(number, key, error)
        else:
            done.quarantined += 1

    def _put(self, kind: Kind, deliveries: Sequence[Delivery], done: Archived) -> int:
        """Put all records of a kind; how many were put."""
        if not deliveries:
            return 0
        try:
            self._archives[kind].take(deliveries)
        except MillraceError as error:
            done.failure(deliveries[0].sequence_number, FOLDERS[kind], error)
            return 0
        return len(deliveries)


def _first_number(records: Sequence[Any], error: Exception) -> str:
    """The first record's sequence number; raises `error` where it has none that can be named."""
    try:
        number = records[0]["kinesis"]["sequenceNumber"]
        int(number)
    except (KeyError, TypeError, ValueError):
        raise error from None
    return str(number)
