"""The stream of inference records and feedback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from millrace.aws import unavailable
from millrace.errors import InvalidRequest, MillraceError
from millrace.inference.call import Call
from millrace.inference.trying import Again, passing, tried, unheard

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

# Limit of PutRecord, the partition key included.
RECORD_BYTES = 1024 * 1024


class InferenceStream:
    """Puts records on one stream: see RecordStream.

    `quick` is a client for records that go out beside an answer: it has little time, and tries
    once. `patient` makes the one for feedback, when there is some: losing that is an error.
    """

    def __init__(
        self, name: str, quick: KinesisClient, patient: Callable[[], KinesisClient]
    ) -> None:
        self._name = name
        self._quick = quick
        self._patient = patient

    def record(self, data: bytes, partition_key: str, call: Call) -> None:
        """See RecordStream."""
        self._put(self._quick, data, partition_key, call, unheard)

    def feedback(self, data: bytes, partition_key: str, call: Call) -> None:
        """See RecordStream."""
        self._put(self._patient(), data, partition_key, call, passing)

    def _put(
        self, kinesis: KinesisClient, data: bytes, partition_key: str, call: Call, again: Again
    ) -> None:
        size = len(data) + len(partition_key.encode())
        if size > RECORD_BYTES:
            message = f"The record has {size} bytes; a stream takes at most {RECORD_BYTES}"
            raise InvalidRequest(413, "too-large", message)

        def failure(error: Exception) -> MillraceError:
            return unavailable(f"put a record on {self._name}", error, kinesis.meta.endpoint_url)

        tried(
            call,
            lambda: kinesis.put_record(
                StreamName=self._name, Data=data, PartitionKey=partition_key
            ),
            failure,
            again,
        )
