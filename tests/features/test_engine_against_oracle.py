"""The engine's features equal a brute-force recomputation, whatever the order and the batches."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.events import Event
from millrace.features.bounds import pack_bounded
from millrace.features.distinct import EXACT
from millrace.features.fold import fold
from millrace.features.packing import unpack, unpack_for_reading
from millrace.features.profile import Profile
from millrace.features.snapshot import plain_count, snapshot

from localcloud import oracle
from tests.features.making import (
    START_MS,
    batch_ends,
    event,
    folded,
    histories,
    jittered,
    plan,
    spans,
)

RICH = plan()
# Windows of which the longer may begin later, for it begins at the edge of a coarser tile.
CROSSING = plan("""
version = 1
[event.numbers.metric]
[event.numbers.price]
[event.categories.item]
[entity.user]
key = "userId"
windows = ["296s", "299s", "5m", "3599s", "1h", "890m", "15h", "359h", "15d"]
[entity.user.all_types]
metric = ["sum", "max", "last", "distinct"]
[entity.user.by_type]
buy = { price = ["std", "distinct"], item = ["distinct"] }
""")
LATER_MS = st.sampled_from((0, 1, 999, 1000, 30_000, 61_234, 3_600_000, 90_000_000))


def assert_equal(got: Mapping[str, float | None], expected: Mapping[str, float | None]) -> None:
    """Exactly equal, but for distinct counts that are estimates."""
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        if "_distinct_" not in name or value is None or value <= EXACT:
            assert got[name] == value, name


# A lateness that is longer than every window.
PATIENT = plan("""
version = 1
[event.numbers.metric]
[event.numbers.price]
[event.categories.item]
[entity.user]
key = "userId"
windows = ["30s"]
lateness = "1h"
session_gap = "1h"
[entity.user.all_types]
metric = ["sum", "last", "distinct"]
""")


@settings(max_examples=150, deadline=None)
@given(st.data(), histories(), LATER_MS)
def test_features_equal_the_oracle(data: st.DataObject, events: list[Event], later_ms: int) -> None:
    profile = folded(events, RICH, batches=data.draw(batch_ends(len(events))))
    at_ms = events[-1].time_ms + later_ms
    assert_equal(snapshot(profile, RICH, at_ms), oracle.features(events, RICH, at_ms))


@settings(max_examples=100, deadline=None)
@given(st.data(), histories(), LATER_MS)
def test_order_within_the_lateness_changes_nothing(
    data: st.DataObject, events: list[Event], later_ms: int
) -> None:
    shuffled = data.draw(jittered(events, RICH.lateness_ms))
    profile = folded(shuffled, RICH, batches=data.draw(batch_ends(len(events))))
    assert profile.late == 0
    at_ms = events[-1].time_ms + later_ms
    assert_equal(snapshot(profile, RICH, at_ms), oracle.features(events, RICH, at_ms))
    # Estimates too: they must not depend on the order either.
    assert snapshot(profile, RICH, at_ms) == snapshot(folded(events, RICH), RICH, at_ms)


@settings(max_examples=150, deadline=None)
@given(st.data(), histories(), LATER_MS | st.integers(0, 10_000))
def test_windows_that_cross_equal_the_oracle(
    data: st.DataObject, events: list[Event], later_ms: int
) -> None:
    profile = folded(events, CROSSING, batches=data.draw(batch_ends(len(events))))
    at_ms = events[-1].time_ms + later_ms
    expected = oracle.features(events, CROSSING, at_ms)
    for one in (profile, unpack_for_reading(pack_bounded(profile, CROSSING), CROSSING)):
        got = snapshot(one, CROSSING, at_ms)
        assert_equal(got, expected)
        assert [*got] == [name for name in CROSSING.names(profile.types) if name]


def test_what_only_the_shorter_window_holds_is_kept() -> None:
    """As of second 843 the 299 seconds begin at 544, the five minutes at 545."""
    start_s = START_MS // 1000
    times_s = [start_s + second for second in (544, *[843] * 70)]
    events = [event(n, second * 1000, "buy", n, n, n) for n, second in enumerate(times_s)]
    features = snapshot(folded(events, CROSSING), CROSSING, events[-1].time_ms)
    assert features["count_299s"] == features["count_3599s"] == 71
    assert features["count_5m"] == 70
    assert features["metric_sum_299s"] == sum(range(71)) / 10_000
    only_it = plan('version = 1\n[entity.user]\nkey = "userId"\nwindows = ["299s"]')
    bare = [one._replace(fields=()) for one in events]
    assert snapshot(folded(bare, only_it), only_it, 0)["count_299s"] == 71


def test_a_session_is_joined_as_late_as_its_events_may_come() -> None:
    at_ms = [START_MS + minute * 60_000 for minute in (0, 70, 100, 55)]
    events = [event(n, time_ms, "view", 1, 1, 1) for n, time_ms in enumerate(at_ms)]
    profile = folded(events, PATIENT, batches=(1, 2, 3))
    assert snapshot(profile, PATIENT, 0)["session_count"] == 1


@settings(max_examples=80, deadline=None)
@given(st.data(), histories())
def test_duplicates_change_nothing_and_are_counted(
    data: st.DataObject, events: list[Event]
) -> None:
    again = data.draw(st.lists(st.sampled_from(range(len(events))), max_size=20))
    stream = [(index, event) for index, event in enumerate(events)]
    for index in again:
        stream.append((index + data.draw(st.integers(0, 3)), events[index]))
    stream.sort(key=lambda row: row[0])
    profile = folded([event for _, event in stream], RICH)
    assert profile.accepted == len(events)
    assert profile.duplicates + profile.late == len(again)
    at_ms = events[-1].time_ms
    assert_equal(snapshot(profile, RICH, at_ms), oracle.features(events, RICH, at_ms))


@settings(max_examples=100, deadline=None)
@given(st.data(), histories(most=120))
def test_late_events_are_left_out_and_counted(data: st.DataObject, events: list[Event]) -> None:
    stream = data.draw(jittered(events, 3 * RICH.lateness_ms))
    profile, change = fold(Profile(3), stream, RICH)
    late = set(change.late)
    latest_ms = 0
    for index, one in enumerate(stream):
        assert (index in late) == (one.time_ms < latest_ms - RICH.lateness_ms)
        latest_ms = max(latest_ms, one.time_ms)
    applied = [one for index, one in enumerate(stream) if index not in late]
    assert (profile.late, profile.accepted) == (len(late), len(applied))
    assert_equal(snapshot(profile, RICH, 0), oracle.features(applied, RICH, 0))


@settings(max_examples=100, deadline=None)
@given(st.data(), histories(), LATER_MS)
def test_a_stored_profile_is_the_profile(
    data: st.DataObject, events: list[Event], later_ms: int
) -> None:
    profile = Profile(3)
    for start, end in spans(data.draw(batch_ends(len(events))), len(events)):
        profile, _ = fold(profile, events[start:end], RICH)
        profile = unpack(pack_bounded(profile, RICH), RICH)
    packed = pack_bounded(profile, RICH)
    at_ms = events[-1].time_ms + later_ms
    expected = oracle.features(events, RICH, at_ms)
    assert_equal(snapshot(unpack(packed, RICH), RICH, at_ms), expected)
    read = unpack_for_reading(packed, RICH)
    assert snapshot(read, RICH, at_ms) == snapshot(profile, RICH, at_ms)
    assert pack_bounded(unpack(packed, RICH), RICH) == packed


@given(histories())
@settings(max_examples=60, deadline=None)
def test_the_plain_count_is_the_five_minute_window_at_the_newest_event(
    events: list[Event],
) -> None:
    latest_ms = events[-1].time_ms
    expected = oracle.features(events, RICH, latest_ms)["count_5m"]
    assert plain_count(folded(events, RICH), RICH) == expected


@settings(max_examples=60, deadline=None)
@given(histories(), LATER_MS)
def test_windows_keep_their_error_bound(events: list[Event], later_ms: int) -> None:
    at_ms = events[-1].time_ms + later_ms
    features = snapshot(folded(events, RICH), RICH, at_ms)
    for window in RICH.entity.windows:
        ages_ms = [at_ms - event.time_ms for event in events]
        longest = sum(age <= window.length_s * 1000 for age in ages_ms)
        shortest = sum(age <= (window.length_s - window.tile_s) * 1000 for age in ages_ms)
        count = features[f"count_{window.name}"]
        assert count is not None
        assert shortest <= count <= longest
