"""Training rows are what predict saw: to the last digit, by way of every store and of the archive.

Events go through the enricher into a store, while predictions are asked for between the batches;
what the model received then is compared with a replay of the history, and with the archive of what
was recorded.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.events import read_time_ms
from millrace.features.history import archived
from millrace.features.packing import unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.replay import Record, Replay
from millrace.features.sinks import Archive
from millrace.features.store import MemoryStore
from millrace.inference.api import Api
from millrace.inference.call import Call, Clock
from millrace.inference.profiles import Found

from tests.features.streaming import Bench as EnrichBench
from tests.features.streaming import FlakyObjects, document, record
from tests.inference.making import FakeModel, FakeStream, predict, shipped_plan
from tests.inference.recording import Bench as ArchiveBench
from tests.inference.recording import batch

USERS = ("u1", "u2")


class StoreProfiles:
    """The profiles that the enricher has stored."""

    def __init__(self, store: MemoryStore, plan: Plan) -> None:
        self._store, self._plan = store, plan

    def one(self, user_id: str, call: Call) -> Profile | None:
        item = self._store.items.get(user_id)
        return None if item is None else unpack_for_reading(item["state"], self._plan)

    def many(self, user_ids: Any, call: Call) -> dict[str, Found]:
        return {user: self.one(user, call) for user in user_ids}


class World:
    """Events in, predictions out, all of it archived."""

    def __init__(self) -> None:
        self.archive = FlakyObjects()
        self.enrich = EnrichBench(archive=Archive(self.archive))
        plan = shipped_plan()
        self.model, self.stream, self.now_ms = FakeModel("any"), FakeStream(), 0
        clock = Clock(lambda: self.now_ms, time.monotonic, lambda: f"p{len(self.stream.put)}")
        profiles = StoreProfiles(self.enrich.store, plan)
        self.api = Api(plan, profiles, self.model, clock, stream=self.stream)

    def ask(self, user: str, at_ms: int) -> None:
        self.now_ms = at_ms
        answer = self.api.handle(predict(user, {"n": 1})).answer
        assert answer["statusCode"] == 200


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[int, list[tuple[str, int, str, int]]]]:
    """Batches of events, each with the milliseconds that pass before it."""
    one = st.tuples(
        st.sampled_from(USERS),
        st.integers(-3_000, 3_000),
        st.sampled_from(["view", "buy"]),
        st.integers(-(10**6), 10**6),
    )
    gap = st.sampled_from([10, 900, 61_000, 3_700_000, 90_000_000])
    return draw(st.lists(st.tuples(gap, st.lists(one, min_size=1, max_size=30)), max_size=8))


@settings(max_examples=30)
@given(plan=steps())
def test_what_predict_saw_is_what_a_replay_gives_and_what_was_recorded(
    plan: list[tuple[int, list[tuple[str, int, str, int]]]],
) -> None:
    world, replay = World(), Replay(EnrichBench().definitions)
    now_ms, sequence = 1_700_000_000_000, 0
    expected: list[dict[str, Any]] = []
    for gap_ms, events in plan:
        now_ms += gap_ms
        records = []
        for user, offset_ms, kind, metric in events:
            sequence += 1
            more = {"eventType": kind, "metric": metric / 7}
            one = document(sequence, user, at_ms=now_ms + offset_ms, **more)
            records.append(record(one, sequence, arrival_ms=now_ms))
            replay.take(Record(one, now_ms, user))
        world.enrich.run_until_done(records)
        for user in USERS:
            world.ask(user, now_ms + 500)
            as_of_ms = read_time_ms(world.stream.put[-1][1]["featuresAsOf"])
            expected.append(dict(replay.features_of(user, as_of_ms)))
    seen = [orjson.loads(asked)["features"] for asked in world.model.asked]
    recorded = _recorded(world)
    assert recorded == seen
    assert [_of(features, wanted) for features, wanted in zip(seen, expected, strict=True)] == (
        expected
    )
    _check_archive_of_events(world, replay)


def _of(features: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Those features that a replay gives too: the others are the plain names."""
    plain = {"userId", "lastTimestamp", "lastUpdate", "lastMetric", "lastEventType"}
    assert features.keys() - wanted.keys() == plain | {"count", "count5min"}
    return {name: features[name] for name in wanted}


def _recorded(world: World) -> list[dict[str, Any]]:
    """The features in the archive of the records that were put."""
    bench = ArchiveBench()
    bench.run(batch(*(put for _, put in world.stream.put)))
    return [one.features for one in bench.inferences()] if world.stream.put else []


def _check_archive_of_events(world: World, replay: Replay) -> None:
    """The archive of the events gives the same features as the stream did."""
    if not world.stream.put:
        return
    again = Replay(EnrichBench().definitions)
    for kept in archived(world.archive):
        again.take(kept)
    for user in USERS:
        at_ms = world.now_ms + 1_000
        assert again.features_of(user, at_ms) == replay.features_of(user, at_ms)
