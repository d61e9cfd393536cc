"""Shard iterators: the five types, their five minutes, and what they refuse."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import ExpiredIterator, InvalidArgument, ResourceNotFound
from localcloud.kinesis.reading import Position, RecordsPage, get_records, shard_iterator
from localcloud.kinesis.stream import StreamSettings
from localcloud.kinesis.tokens import IteratorToken, PageToken
from tests.localcloud.clock import START_MS
from tests.localcloud.kinesis.streams import HALF, backend_with, put, texts

SHARD = "shardId-000000000000"
DAY_S = 24 * 3600


def iterator_at(backend: KinesisBackend, position: Position, shard_id: str = SHARD) -> str:
    return shard_iterator(backend, backend.stream("events"), shard_id, position)


def page_at(backend: KinesisBackend, position: Position, limit: int = 10_000) -> RecordsPage:
    return get_records(backend, iterator_at(backend, position), limit)


def test_the_five_types() -> None:
    backend, clock = backend_with()
    _, second, _ = put(backend, "a", "b", "c")
    clock.advance(1)
    put(backend, "d")
    latest = iterator_at(backend, Position("LATEST"))
    put(backend, "e")
    by_number = {
        kind: texts(page_at(backend, Position(kind, second)).records)
        for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
    }
    assert by_number["AT_SEQUENCE_NUMBER"] == ["b", "c", "d", "e"]
    assert by_number["AFTER_SEQUENCE_NUMBER"] == ["c", "d", "e"]
    assert texts(page_at(backend, Position("TRIM_HORIZON")).records) == ["a", "b", "c", "d", "e"]
    at = Position("AT_TIMESTAMP", timestamp_ms=START_MS + 1)
    assert texts(page_at(backend, at).records) == ["d", "e"]
    assert texts(get_records(backend, latest, 10).records) == ["e"]


def test_pages_follow_one_another_and_come_again_if_asked_again() -> None:
    backend, _ = backend_with()
    put(backend, "a", "b", "c")
    first = page_at(backend, Position("TRIM_HORIZON"), limit=2)
    assert first.iterator is not None
    second = get_records(backend, first.iterator, 2)
    again = get_records(backend, first.iterator, 2)
    assert (texts(first.records), texts(second.records)) == (["a", "b"], ["c"])
    assert second.records == again.records
    assert second.iterator is not None
    empty = get_records(backend, second.iterator, 2)
    assert (texts(empty.records), empty.behind_ms) == ([], 0)
    put(backend, "d")
    assert empty.iterator is not None
    assert texts(get_records(backend, empty.iterator, 2).records) == ["d"]


def test_the_last_page_of_a_closed_shard_has_no_iterator_but_the_children() -> None:
    backend, _ = backend_with()
    put(backend, "a", "b")
    backend.split_shard("events", SHARD, HALF)
    first = page_at(backend, Position("TRIM_HORIZON"), limit=1)
    assert first.children == ()
    assert first.iterator is not None
    last = get_records(backend, first.iterator, 1)
    assert (texts(last.records), last.iterator) == (["b"], None)
    assert [child.index for child in last.children] == [1, 2]
    after_the_end = page_at(backend, Position("LATEST"))
    assert (texts(after_the_end.records), after_the_end.iterator) == ([], None)


def test_an_iterator_lives_five_minutes() -> None:
    backend, clock = backend_with()
    iterator = iterator_at(backend, Position("TRIM_HORIZON"))
    clock.advance(300)
    following = get_records(backend, iterator, 1).iterator
    clock.advance(0.001)
    with pytest.raises(ExpiredIterator, match="300001 ms ago"):
        get_records(backend, iterator, 1)
    assert following is not None
    get_records(backend, following, 1)


def test_the_first_and_last_numbers_of_a_shard_are_positions_too() -> None:
    backend, _ = backend_with()
    put(backend, "a")
    backend.split_shard("events", SHARD, HALF)
    shard = backend.shards("events")[0]
    assert shard.ending_sequence is not None
    start = Position("AT_SEQUENCE_NUMBER", shard.starting_sequence)
    assert texts(page_at(backend, start).records) == ["a"]
    assert page_at(backend, Position("AFTER_SEQUENCE_NUMBER", shard.ending_sequence)).records == []


def test_numbers_that_the_shard_has_not_given_out_are_refused() -> None:
    backend, _ = backend_with(2)
    (elsewhere,) = put(backend, "other shard", at=HALF)
    (last,) = put(backend, "a")
    for foreign in ("0", "1", elsewhere, str(int(last) + (1 << 40)), "9" * 100):
        with pytest.raises(InvalidArgument, match="did not come from this shard"):
            iterator_at(backend, Position("AT_SEQUENCE_NUMBER", foreign))


@pytest.mark.parametrize(
    "position",
    [
        Position("AT_SEQUENCE_NUMBER"),
        Position("AFTER_SEQUENCE_NUMBER"),
        Position("AFTER_SEQUENCE_NUMBER", "1", START_MS),
        Position("LATEST", "1"),
        Position("TRIM_HORIZON", timestamp_ms=START_MS),
        Position("AT_TIMESTAMP"),
        Position("AT_TIMESTAMP", "1", START_MS),
    ],
)
def test_positions_with_too_little_or_too_much(position: Position) -> None:
    backend, _ = backend_with()
    with pytest.raises(InvalidArgument, match=f"^{position.kind} with"):
        iterator_at(backend, position)


def test_shards_that_do_not_exist_or_have_expired() -> None:
    backend, clock = backend_with()
    iterator = iterator_at(backend, Position("TRIM_HORIZON"))
    with pytest.raises(ResourceNotFound, match="shardId-000000000007"):
        iterator_at(backend, Position("LATEST"), "shardId-000000000007")
    backend.split_shard("events", SHARD, HALF)
    clock.advance(DAY_S)
    with pytest.raises(ResourceNotFound, match=f"Shard {SHARD} .* has expired"):
        iterator_at(backend, Position("TRIM_HORIZON"))
    with pytest.raises(ExpiredIterator):
        get_records(backend, iterator, 1)


def test_an_iterator_read_under_another_streams_name() -> None:
    backend, _ = backend_with()
    other = backend.create_stream("other", StreamSettings(1))
    with pytest.raises(InvalidArgument, match=r"belongs to stream 'events'.*names 'other'"):
        get_records(backend, iterator_at(backend, Position("LATEST")), 1, other)


def test_tokens_survive_their_text_and_nothing_else_is_one() -> None:
    iterator = IteratorToken("s" * 128, START_MS, SHARD, "9" * 56, START_MS)
    page = PageToken("s", START_MS, SHARD, START_MS, "AT_TIMESTAMP", 5)
    assert IteratorToken.parse(iterator.text()) == iterator
    assert PageToken.parse(page.text()) == page
    assert len(iterator.text()) <= 512
    with pytest.raises(InvalidArgument, match="Invalid ShardIterator"):
        IteratorToken.parse(page.text())
    with pytest.raises(InvalidArgument, match="Invalid NextToken"):
        PageToken.parse(iterator.text())


@given(
    st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())
)
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid ShardIterator"):
        IteratorToken.parse(text)


@given(st.data())
def test_a_token_with_one_changed_character_is_no_token(data: st.DataObject) -> None:
    text = IteratorToken("events", START_MS, SHARD, None, START_MS).text()
    index = data.draw(st.integers(0, len(text) - 1))
    changed = text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]
    with pytest.raises(InvalidArgument):
        IteratorToken.parse(changed)
