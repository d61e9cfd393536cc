"""Decoding the records of an invocation, for tests."""

from __future__ import annotations

from typing import Any

from millrace.kinesis import Delivery, Rejected, Stream, decode

from tests.features.streaming import FakeStreams

ALL_HASHES = (0, 2**128 - 1)


def stream_of(arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
    return Stream(FakeStreams().created_ms, lambda shard_id: ALL_HASHES)


def decoded(*records: Any) -> list[Delivery | Rejected]:
    return list(decode(records, stream_of))


def delivered(*records: Any) -> list[Delivery]:
    found = decoded(*records)
    assert all(isinstance(one, Delivery) for one in found)
    return [one for one in found if isinstance(one, Delivery)]


def rejected(one_record: Any) -> Rejected:
    (found,) = decoded(one_record)
    assert isinstance(found, Rejected)
    return found
