"""Consumer groups: shares, commits, and what becomes of an instance that falls silent."""

from __future__ import annotations

import pytest

from localcloud.oci.errors import InvalidParameter, NotFound
from localcloud.oci.stream import Stream
from localcloud.oci.streaming import Streaming
from tests.localcloud.clock import ManualClock

PARTITIONS = 4


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def streaming(clock: ManualClock) -> Streaming:
    return Streaming(clock)


@pytest.fixture
def stream(streaming: Streaming) -> Stream:
    """Two messages in each of its partitions."""
    made = streaming.create("s", partitions=PARTITIONS)
    made.put([(None, str(number).encode()) for number in range(2 * PARTITIONS)])
    return made


class Reader:
    """An instance of the group `g`."""

    def __init__(
        self, streaming: Streaming, stream: Stream, name: str, *, commits: bool = True
    ) -> None:
        self.streaming, self.stream, self.name = streaming, stream, name
        self.token = streaming.group_cursor(
            stream.id, "g", "TRIM_HORIZON", instance=name, timeout_ms=1000, commit_on_get=commits
        )

    def get(self, limit: int = 100) -> set[tuple[str, int]]:
        found, self.token = self.streaming.get(self.stream.id, self.token, limit)
        return {(message.partition, message.offset) for message in found}

    def held(self) -> set[str]:
        return set(self.streaming.group(self.stream.id, "g").held(self.name))


EVERYTHING = {(str(p), o) for p in range(PARTITIONS) for o in range(2)}


def test_one_reader_gets_everything_once(streaming: Streaming, stream: Stream) -> None:
    reader = Reader(streaming, stream, "a")
    got = [reader.get(3) for _ in range(4)]
    assert set().union(*got) == EVERYTHING
    assert sum(map(len, got)) == len(EVERYTHING)


def test_two_readers_share(streaming: Streaming, stream: Stream) -> None:
    first = Reader(streaming, stream, "a")
    second = Reader(streaming, stream, "b")
    one = first.get()  # gives back what is more than its share
    two = second.get()
    assert len(first.held()) == len(second.held()) == PARTITIONS // 2
    assert (one | two, one & two) == (EVERYTHING, set())


def test_what_a_silent_reader_did_not_commit_comes_again(
    streaming: Streaming, stream: Stream, clock: ManualClock
) -> None:
    silent = Reader(streaming, stream, "a")
    assert silent.get() == EVERYTHING
    other = Reader(streaming, stream, "b")
    assert other.get() == set()
    clock.advance(1.001)
    assert other.get() == EVERYTHING
    assert silent.held() == set()


def test_the_next_get_commits_the_last(
    streaming: Streaming, stream: Stream, clock: ManualClock
) -> None:
    reader = Reader(streaming, stream, "a")
    read = reader.get(2)
    reader.get(2)  # commits the first two, and not these
    clock.advance(2)
    assert Reader(streaming, stream, "b").get() == EVERYTHING - read


def test_without_commit_on_get_only_a_commit_counts(
    streaming: Streaming, stream: Stream, clock: ManualClock
) -> None:
    reader = Reader(streaming, stream, "a", commits=False)
    read = reader.get(2)
    reader.token = streaming.commit(stream.id, reader.token)
    assert reader.get(2).isdisjoint(read)
    reader.get(2)
    clock.advance(2)
    assert Reader(streaming, stream, "b").get() == EVERYTHING - read


def test_a_heartbeat_keeps_the_partitions(
    streaming: Streaming, stream: Stream, clock: ManualClock
) -> None:
    reader = Reader(streaming, stream, "a")
    for _ in range(3):
        clock.advance(0.8)
        reader.token = streaming.heartbeat(stream.id, reader.token)
    assert len(reader.held()) == PARTITIONS


def test_a_commit_of_what_was_lost_changes_nothing(
    streaming: Streaming, stream: Stream, clock: ManualClock
) -> None:
    silent = Reader(streaming, stream, "a")
    silent.get()
    clock.advance(2)
    Reader(streaming, stream, "b")
    streaming.commit(stream.id, silent.token)
    places = streaming.group(stream.id, "g").places.values()
    assert [place.committed for place in places] == [0] * PARTITIONS


def test_a_group_can_begin_anew(streaming: Streaming, stream: Stream) -> None:
    reader = Reader(streaming, stream, "a")
    reader.get()
    reader.get()
    streaming.group(stream.id, "g").reset("TRIM_HORIZON", None)
    assert Reader(streaming, stream, "a").get() == EVERYTHING


def test_what_is_no_groups_is_refused(streaming: Streaming, stream: Stream) -> None:
    token = streaming.cursor(stream.id, "0", "LATEST", None, None)
    with pytest.raises(InvalidParameter, match="no group's"):
        streaming.commit(stream.id, token)
    with pytest.raises(NotFound, match="no group 'nobody'"):
        streaming.group(stream.id, "nobody")
    with pytest.raises(InvalidParameter, match="cannot start by type 'AT_OFFSET'"):
        streaming.group_cursor(stream.id, "g", "AT_OFFSET", instance="a")
