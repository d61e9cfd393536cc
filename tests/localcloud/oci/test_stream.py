"""Partitions, offsets, cursors and retention, on a clock that is turned by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.oci.errors import InvalidParameter, MissingParameter, NotFound, TooLarge
from localcloud.oci.partition import Partition
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming
from tests.localcloud.clock import START_MS, ManualClock

HOUR_S = 3600


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def streaming(clock: ManualClock) -> Streaming:
    return Streaming(clock)


@pytest.fixture
def stream(streaming: Streaming) -> Stream:
    """One partition with five messages, a second apart."""
    made = streaming.create("s", partitions=1)
    for number in range(5):
        made.put([(b"k", str(number).encode())])
        assert isinstance(made.clock, ManualClock)
        made.clock.advance(1)
    return made


def read(streaming: Streaming, stream: Stream, kind: str, **at: int | None) -> list[bytes]:
    token = streaming.cursor(stream.id, "0", kind, at.get("offset"), at.get("time_ms"))
    found, _ = streaming.get(stream.id, token, None)
    return [message.value for message in found]


def test_each_cursor_begins_where_it_says(streaming: Streaming, stream: Stream) -> None:
    assert read(streaming, stream, "TRIM_HORIZON") == [b"0", b"1", b"2", b"3", b"4"]
    assert read(streaming, stream, "AT_OFFSET", offset=3) == [b"3", b"4"]
    assert read(streaming, stream, "AFTER_OFFSET", offset=3) == [b"4"]
    assert read(streaming, stream, "AT_TIME", time_ms=START_MS + 2000) == [b"2", b"3", b"4"]
    assert read(streaming, stream, "AT_TIME", time_ms=START_MS + 2001) == [b"3", b"4"]
    assert read(streaming, stream, "AT_TIME", time_ms=START_MS + 9000) == []
    assert read(streaming, stream, "LATEST") == []


def test_latest_means_what_comes_after_the_cursor(streaming: Streaming, stream: Stream) -> None:
    token = streaming.cursor(stream.id, "0", "LATEST", None, None)
    stream.put([(None, b"new")])
    found, token = streaming.get(stream.id, token, None)
    assert [message.value for message in found] == [b"new"]
    assert streaming.get(stream.id, token, None)[0] == []


def test_reads_go_on_where_the_last_one_ended(streaming: Streaming, stream: Stream) -> None:
    token = streaming.cursor(stream.id, "0", "TRIM_HORIZON", None, None)
    got = []
    for _ in range(4):
        found, token = streaming.get(stream.id, token, 2)
        got.append([message.offset for message in found])
    assert got == [[0, 1], [2, 3], [4], []]


def test_a_read_is_bounded_in_bytes(streaming: Streaming) -> None:
    stream = streaming.create("large")
    for _ in range(3):
        stream.put([(None, b"x" * 600_000)])
    token = streaming.cursor(stream.id, "0", "TRIM_HORIZON", None, None)
    found, token = streaming.get(stream.id, token, None)
    assert [message.offset for message in found] == [0]
    assert [message.offset for message in streaming.get(stream.id, token, None)[0]] == [1]


def test_what_is_too_old_is_gone_and_its_cursor_goes_on(
    streaming: Streaming, stream: Stream, clock: ManualClock
) -> None:
    token = streaming.cursor(stream.id, "0", "TRIM_HORIZON", None, None)
    clock.advance(24 * HOUR_S - 3)  # 0 and 1 are older than a day by now
    assert read(streaming, stream, "AT_OFFSET", offset=0) == [b"2", b"3", b"4"]
    assert stream.partition("0").first == 2
    with pytest.raises(InvalidParameter, match="older than five minutes"):
        streaming.get(stream.id, token, None)


def test_a_key_has_one_partition_and_keyless_messages_go_round(streaming: Streaming) -> None:
    stream = streaming.create("wide", partitions=3)
    keyed = stream.put([(f"key-{i % 20}".encode(), b"") for i in range(100)])
    places: dict[bytes | None, set[str]] = {}
    for message in keyed:
        places.setdefault(message.key, set()).add(message.partition)
    assert {len(found) for found in places.values()} == {1}
    assert {message.partition for message in keyed} == {"0", "1", "2"}
    assert {message.partition for message in stream.put([(None, b"")] * 3)} == {"0", "1", "2"}


def test_a_put_is_taken_whole_or_not_at_all(streaming: Streaming) -> None:
    stream = streaming.create("s", partitions=1)
    with pytest.raises(TooLarge, match="1048577 bytes"):
        stream.put([(b"", b"x"), (None, b"x" * (1 << 20))])
    with pytest.raises(InvalidParameter, match="256 bytes"):
        stream.put([(None, b"good"), (b"k" * 257, b"")])
    with pytest.raises(MissingParameter):
        stream.put([])
    assert stream.partition("0").end == 0


def test_what_is_not_there_is_refused(streaming: Streaming, stream: Stream) -> None:
    with pytest.raises(NotFound, match="no partition '7'; it has 0 to 0"):
        streaming.cursor(stream.id, "7", "LATEST", None, None)
    with pytest.raises(NotFound, match="no stream"):
        streaming.cursor("other", "0", "LATEST", None, None)
    with pytest.raises(InvalidParameter, match="cursor type 'SOME'"):
        streaming.cursor(stream.id, "0", "SOME", None, None)
    with pytest.raises(InvalidParameter, match="needs `offset`"):
        streaming.cursor(stream.id, "0", "AT_OFFSET", None, None)
    with pytest.raises(MissingParameter, match="needs `time`"):
        streaming.cursor(stream.id, "0", "AT_TIME", None, None)
    with pytest.raises(InvalidParameter, match="24 to 168 h"):
        streaming.create("brief", retention_h=1)


@pytest.mark.parametrize("token", ["", "x", "e30=", "bnVsbA==", "eyJzdHJlYW1faWQiOjF9"])
def test_a_cursor_that_nobody_made_is_refused(
    streaming: Streaming, stream: Stream, token: str
) -> None:
    with pytest.raises((InvalidParameter, MissingParameter)):
        streaming.get(stream.id, token, None)


# Steps of a clock that may go back; short retention, so that the list's front is cut off.
@given(st.lists(st.integers(-5, 30), max_size=200), st.integers(0, 40))
def test_a_partition_is_what_a_plain_list_says(steps: list[int], retention_ms: int) -> None:
    partition = Partition("0", retention_ms)
    plain: list[int] = []
    now_ms = 1000
    for step in steps:
        now_ms += step
        plain.append(max([now_ms, *plain[-1:]]))
        partition.append(None, b"", now_ms)
        partition.trim(now_ms)
    oldest_ms = _newest_trim(steps) - retention_ms
    kept = [(offset, at_ms) for offset, at_ms in enumerate(plain) if at_ms >= oldest_ms]
    assert [(m.offset, m.arrival_ms) for m in partition.read(0)] == kept
    assert (partition.first, partition.end) == (len(plain) - len(kept), len(plain))
    for time_ms in (*plain[-3:], now_ms, now_ms + 100):
        later = [offset for offset, at_ms in kept if at_ms >= time_ms]
        assert partition.offset_at(time_ms) == (later[0] if later else len(plain))


def test_the_dead_front_of_a_partition_is_cut_off() -> None:
    partition = Partition("0", 10)
    for now_ms in range(5000):
        partition.append(None, b"", now_ms)
        partition.trim(now_ms)
    assert [message.offset for message in partition.read(0)] == list(range(4989, 5000))
    assert (partition.offset_at(0), partition.offset_at(4995), partition.end) == (4989, 4995, 5000)


def _newest_trim(steps: list[int]) -> int:
    """The latest moment at which the partition was trimmed."""
    now_ms, newest = 1000, 0
    for step in steps:
        now_ms += step
        newest = max(newest, now_ms)
    return newest
