"""What the archive holds comes back each position once, in the order of arrival."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.features.history import archived
from millrace.features.replay import Record, Replay
from millrace.features.sinks import Archive
from millrace.kinesis import Delivery
from millrace.objects import MemoryObjects

from tests.features.streaming import ARN, START_MS, Bench, document, record
from tests.features.test_replay import Story, deliveries, rows_by_number, stories

DAY_MS = 86_400_000


def delivery(
    sequence: int,
    *,
    shard: int = 0,
    sub: int = 0,
    created_ms: int = 1,
    arrival_ms: int = START_MS,
    arn: str = ARN,
) -> Delivery:
    """A delivery whose event says where it stands."""
    place = (created_ms, shard, sequence, sub)
    data = orjson.dumps({"at": " ".join(map(str, place))})
    return Delivery(*place, str(sequence), "u", data, arrival_ms, False, arn)


def places(objects: MemoryObjects, stream: str | None = None) -> list[tuple[int, ...]]:
    """Where the events of an archive stand, in the order in which they are read."""
    return [tuple(map(int, found.document["at"].split())) for found in archived(objects, stream)]


def kept(*batches: Sequence[Delivery]) -> MemoryObjects:
    objects = MemoryObjects()
    for batch in batches:
        Archive(objects).take(batch)
    return objects


@settings(max_examples=40, deadline=None)
@given(story=stories())
def test_a_replay_of_the_archive_is_a_replay_of_the_stream(story: Story) -> None:
    """Batches that come again leave objects that overlap; poison is in none of them."""
    objects = MemoryObjects()
    bench = Bench(archive=Archive(objects))
    for start, end, restarted in story.batches:
        if restarted:
            bench.restart()
        bench.run(*story.records[start:end])
    live = Replay(bench.definitions)
    rows = rows_by_number(live, deliveries(bench, story.records))
    again = Replay(bench.definitions)
    if not live.summary.rows:
        return
    found = list(again.rows(archived(objects)))
    assert [(row.event, row.features, row.at_ms) for row in found] == [
        (row.event, row.features, row.at_ms) for row in rows.values()
    ]
    assert again.summary.invalid == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_each_position_comes_once_in_order(seed: int, lanes: int) -> None:
    rng = random.Random(seed)
    # A record may be an aggregate; a lane and a batch take whole records.
    everything = {n: [delivery(n, sub=sub) for sub in range(1 + n % 3)] for n in range(60)}
    batches = []
    for lane in range(lanes):
        own = [records for n, records in everything.items() if n % lanes == lane]
        start = 0
        while start < len(own):
            end = start + rng.randint(1, 20)
            batches.append(own[start:end])
            if rng.random() < 0.5:
                again = rng.randint(0, start)
                batches.append(own[again : rng.randint(again + 1, end)])
            start = end
    rng.shuffle(batches)
    objects = kept(*[list(itertools.chain(*batch)) for batch in batches])
    assert places(objects) == [one[:4] for one in itertools.chain(*everything.values())]


def test_shards_are_merged_by_arrival() -> None:
    first = [delivery(n, arrival_ms=START_MS + at) for n, at in ((1, 0), (2, 40), (3, 60))]
    second = [delivery(n, shard=1, arrival_ms=START_MS + at) for n, at in ((1, 10), (2, 50))]
    found = places(kept(first, second))
    assert [place[1] for place in found] == [0, 1, 0, 1, 0]


def test_within_a_shard_positions_go_before_clocks() -> None:
    batch = [delivery(1, arrival_ms=START_MS + 9), delivery(2, arrival_ms=START_MS)]
    other = [delivery(5, shard=1, arrival_ms=START_MS + 5)]
    assert [place[2] for place in places(kept(batch, other))] == [5, 1, 2]


def test_sequence_numbers_are_compared_as_numbers() -> None:
    batches = [[delivery(n)] for n in (9, 10, 10**55)]
    assert [place[2] for place in places(kept(*batches))] == [9, 10, 10**55]


def test_a_stream_made_anew_comes_after_the_old_one() -> None:
    old, new = delivery(700, created_ms=5), delivery(1, created_ms=6)
    assert places(kept([new], [old])) == [old[:4], new[:4]]


def test_days_follow_each_other() -> None:
    days = [[delivery(n, arrival_ms=START_MS + n * DAY_MS)] for n in range(12)]
    assert [place[2] for place in places(kept(*reversed(days)))] == list(range(12))


def test_one_stream_may_be_chosen() -> None:
    objects = kept([delivery(1)], [delivery(2, arn=f"{ARN}-other")])
    assert [place[2] for place in places(objects, "events-other")] == [2]
    assert len(places(objects)) == 2


def test_events_come_with_their_arrival() -> None:
    (found,) = archived(kept([delivery(1, arrival_ms=START_MS + 7)]))
    assert found == Record({"at": "1 0 1 0"}, START_MS + 7)


class Counting(MemoryObjects):
    """Objects that remember which was read last."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        super().__init__()
        self.bodies = bodies
        self.read: list[str] = []

    def get(self, key: str) -> bytes:
        self.read.append(key)
        return super().get(key)


def test_objects_are_read_when_their_turn_comes() -> None:
    days = [
        [delivery(n * 10 + k, shard=n % 2, arrival_ms=START_MS + n * DAY_MS) for k in range(3)]
        for n in range(20)
    ]
    objects = Counting(kept(*days).bodies)
    found: Iterator[Record] = archived(objects)
    assert len(list(itertools.islice(found, 3))) == 3
    assert len(objects.read) <= 3
    assert len(list(found)) == 57
    assert len(objects.read) == len(set(objects.read)) == 20


def test_other_objects_are_passed_over() -> None:
    objects = kept([delivery(1)])
    objects.bodies["events/stream=events/date=2024-01-01/_SUCCESS"] = b""
    assert len(places(objects)) == 1


@pytest.mark.parametrize("stream", [None, "nothing"])
def test_an_empty_archive_says_how_to_have_one(stream: str | None) -> None:
    with pytest.raises(ConfigurationError, match="ArchiveEvents=on"):
        list(archived(MemoryObjects(), stream))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"{}",
        b"7",
        b'{"position": "1/2", "event": {}}',
        b'{"position": 7, "arrivalMs": 1, "event": {}}',
        b'{"position": "1/0/2/0", "arrivalMs": null, "event": {}}',
        b'{"position": "1/0/2/0", "arrivalMs": "1", "event": {}}',
    ],
)
def test_a_damaged_object_is_named_with_its_line(line: bytes) -> None:
    objects = kept([delivery(1)])
    (key,) = objects.bodies
    objects.bodies[key] += line + b"\n"
    with pytest.raises(ConfigurationError, match=r"shardId-000000000000/.*\.jsonl, line 2: "):
        list(archived(objects))


def test_a_day_that_no_calendar_has_is_named() -> None:
    objects = kept([delivery(1)])
    (key,) = objects.bodies
    wrong = re.sub(r"date=[\d-]+", "date=2026-02-30", key)
    objects.bodies[wrong] = objects.bodies[key]
    with pytest.raises(ConfigurationError, match=r"date=2026-02-30/.*: 2026-02-30 is no date"):
        list(archived(objects))


@pytest.mark.parametrize(
    ("kind", "words"), [("inferences", "InferenceLog=on"), ("feedback", "none was sent yet")]
)
def test_other_archives_say_what_is_missing(kind: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        list(archived(MemoryObjects(), kind=kind))


def test_an_event_as_deep_as_json_may_be_is_read_again() -> None:
    depth = 1024
    data = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    assert orjson.loads(data)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b"[" + data + b"]")
    one = delivery(1)._replace(data=data, partition_key=',"event":')
    (found,) = archived(kept([one]))
    inner, levels = found.document["a"], 1
    while inner:
        (inner,), levels = inner, levels + 1
    assert levels == depth - 1


def test_an_archive_may_hold_events_with_line_breaks() -> None:
    raw = b'{\n"userId": "u1",\r\n"timestamp": "2023-11-14T22:13:20Z"\n}'
    objects = MemoryObjects()
    Bench(archive=Archive(objects)).run(record(raw, 1, key="u1"), record(document(2), 2))
    assert len(list(archived(objects))) == 2
