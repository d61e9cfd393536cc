"""What passes the rates of a partition is refused, whole, and taken a second later."""

from __future__ import annotations

import pytest

from localcloud.oci.errors import TooManyRequests
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming
from tests.localcloud.clock import ManualClock

HALF = b"x" * (1 << 19)


def throttled(clock: ManualClock) -> tuple[Streaming, Stream]:
    streaming = Streaming(clock)
    return streaming, streaming.create("s", partitions=2, throttled=True)


def test_a_megabyte_a_second_and_no_more() -> None:
    clock = ManualClock()
    _, stream = throttled(clock)
    stream.append("0", [(None, HALF)])
    clock.advance(0.5)
    stream.append("0", [(None, HALF)])
    with pytest.raises(TooManyRequests, match="Partition 0"):
        stream.append("0", [(None, b"x")])
    stream.append("1", [(None, HALF)])  # the other one has a rate of its own
    clock.advance(0.5)
    stream.append("0", [(None, HALF)])
    with pytest.raises(TooManyRequests):
        stream.append("0", [(None, b"x")])
    assert stream.partition("0").end == 3


def test_a_put_that_passes_the_rate_of_one_partition_is_kept_in_none() -> None:
    clock = ManualClock()
    _, stream = throttled(clock)
    for _ in range(4):
        stream.put([(None, HALF)])
    with pytest.raises(TooManyRequests):
        stream.put([(None, b"x"), (None, b"x")])
    assert [stream.partition(name).end for name in stream.partitions] == [2, 2]


def test_five_reads_a_second_for_each_group() -> None:
    clock = ManualClock()
    streaming, stream = throttled(clock)
    cursor = streaming.cursor(stream.id, "0", "TRIM_HORIZON", None, None)
    group = streaming.group_cursor(stream.id, "g", "TRIM_HORIZON", instance="i")
    for _ in range(5):
        streaming.get(stream.id, cursor, 1)
        streaming.get(stream.id, group, 1)
    for token in (cursor, group):
        with pytest.raises(TooManyRequests, match="5 times a second"):
            streaming.get(stream.id, token, 1)
    clock.advance(1)
    streaming.get(stream.id, cursor, 1)
    streaming.get(stream.id, group, 1)


def test_a_stream_that_is_not_throttled_takes_all() -> None:
    stream = Streaming(ManualClock()).create("s")
    for _ in range(9):
        stream.put([(None, HALF)])
    assert stream.partition("0").end == 9
