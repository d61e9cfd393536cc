"""Profiles stored under old definitions are read, and go on, under new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.events import MISSING, Event
from millrace.features.bounds import pack_bounded
from millrace.features.definitions import Number
from millrace.features.distinct import EXACT
from millrace.features.fold import fold
from millrace.features.packing import unpack, unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.snapshot import plain_count, snapshot

from localcloud import oracle
from tests.features.making import START_MS, event, folded, histories, plan

AGGREGATES = '["sum", "mean", "min", "max", "std", "last", "distinct"]'
FIELDS = ("a", "b", "c")
TILED = '["sum", "mean", "min", "max", "std", "last"]'
BY_TYPE = (
    "",
    f"buy = {{ a = {AGGREGATES} }}",
    f'"*" = {{ a = {TILED} }}',
    f'buy = {{ b = {TILED} }}\n"*" = {{ b = {TILED} }}',
)


def text(
    fields: Sequence[str] = FIELDS,
    windows: Sequence[str] = ("1m", "5m", "1h", "24h"),
    by_type: str = "",
    scale: int = 2,
) -> str:
    """Definitions with these numbers (c is a category) and all aggregates of them."""
    lines = ["version = 1"]
    lines += [f"[event.numbers.{name}]\nscale = {scale}" for name in fields if name != "c"]
    lines += ["[event.categories.c]"] if "c" in fields else []
    lines += ["[entity.user]", 'key = "userId"', f"windows = {list(windows)}"]
    lines += ["[entity.user.all_types]"]
    lines += [f"{name} = {AGGREGATES}" for name in fields if name != "c"]
    lines += ['c = ["distinct"]'] if "c" in fields else []
    return "\n".join([*lines, "[entity.user.by_type]", by_type])


def under(events: Sequence[Event], of: Plan, scale: int = 2) -> list[Event]:
    """The same events as `of` reads them; they are made with the fields a, b, c at scale 2."""
    places = {name: place for place, name in enumerate(FIELDS)}
    found = []
    for one in events:
        values = []
        for field in of.fields:
            value = one.fields[places[field.name]] if field.name in places else MISSING
            grown = 10 ** (scale - 2) if isinstance(field, Number) and value != MISSING else 1
            values.append(value * grown)
        found.append(one._replace(fields=tuple(values)))
    return found


def migrated(events: Sequence[Event], old: Plan, new: Plan) -> Profile:
    """What the new definitions make of a profile that was stored under the old ones."""
    return unpack(pack_bounded(folded(under(events, old), old), old), new)


class Change(NamedTuple):
    old: str
    new: str
    scale: int


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Two sets of definitions that share something."""
    windows = st.lists(
        st.sampled_from(("1s", "30s", "1m", "7m", "20m", "1h", "3h", "24h", "3d", "30d")),
        min_size=1,
        max_size=5,
        unique=True,
    )
    fields = st.permutations(FIELDS).flatmap(
        lambda order: st.integers(1, 3).map(lambda count: order[:count])
    )
    scale = draw(st.sampled_from((2, 2, 4)))
    texts = []
    for its_scale in (2, scale):
        named = draw(fields)
        by_type = draw(st.sampled_from(BY_TYPE)) if {"a", "b"} <= set(named) else ""
        texts.append(text(named, draw(windows), by_type, its_scale))
    return Change(texts[0], texts[1], scale)


def shared_names(old: Plan, new: Plan, types: Sequence[str]) -> set[str]:
    """The features of what both definitions keep."""
    windows = {w.name for w in old.entity.windows} & {w.name for w in new.entity.windows}
    found = {"recency_s", "session_count", "session_length_s", "session_events"}
    for kind in ("", *types):
        behind = f".{kind}" if kind else ""
        found |= {f"count_{window}{behind}" for window in windows} | {f"recency_s{behind}"}
        wanted = [p.entity.wanted(kind) if kind else p.entity.all_types for p in (old, new)]
        for field in wanted[0].keys() & wanted[1].keys():
            both = set(wanted[0][field]) & set(wanted[1][field])
            found |= {f"{field}_{a}_{w}{behind}" for a in both for w in windows}
            found.add(f"{field}_last{behind}")
    return found


def assert_shared(
    got: Mapping[str, float | None], expected: Mapping[str, float | None], names: set[str]
) -> int:
    """Every feature of these names is the oracle's, estimates of distinct values apart."""
    compared = 0
    for name in expected.keys() & names:
        value = expected[name]
        if "_distinct_" not in name or value is None or value <= EXACT:
            assert got[name] == value, name
            compared += 1
    return compared


@given(changes(), histories(), st.integers(0, 400), st.sampled_from((0, 61_000, 4_000_000)))
def test_what_both_definitions_share_stays_exact(
    change: Change, events: list[Event], split: int, later_ms: int
) -> None:
    old, new = plan(change.old), plan(change.new)
    split = min(split, len(events))
    profile = migrated(events[:split], old, new)
    if split < len(events):
        profile, _ = fold(profile, under(events[split:], new, change.scale), new)
    stored = unpack(pack_bounded(profile, new), new)
    at_ms = events[-1].time_ms + later_ms
    expected = oracle.features(under(events, new, change.scale), new, at_ms)
    names = shared_names(old, new, ("view", "buy", "q"))
    assert assert_shared(snapshot(stored, new, at_ms), expected, names) >= 4
    reading = unpack_for_reading(pack_bounded(stored, new), new)
    assert snapshot(reading, new, at_ms) == snapshot(stored, new, at_ms)
    assert stored.accepted == len(events)


@given(histories(), changes())
def test_reading_under_new_definitions_is_the_same_as_migrating(
    events: list[Event], change: Change
) -> None:
    old, new = plan(change.old), plan(change.new)
    packed = pack_bounded(folded(under(events, old), old), old)
    assert snapshot(unpack_for_reading(packed, new), new, 0) == snapshot(
        unpack(packed, new), new, 0
    )
    latest_ms = events[-1].time_ms
    expected = oracle.features(under(events, plan(text())), plan(text()), latest_ms)["count_5m"]
    assert plain_count(unpack(packed, new), new) == expected


@given(histories(), changes())
def test_there_and_back_keeps_what_both_have(events: list[Event], change: Change) -> None:
    old, new = plan(change.old), plan(change.new)
    if change.scale == 2:
        profile = unpack(pack_bounded(migrated(events, old, new), new), old)
        expected = oracle.features(under(events, old), old, 0)
        names = shared_names(old, new, ("view", "buy", "q"))
        assert assert_shared(snapshot(profile, old, 0), expected, names) >= 4


# Changes one by one.


def some(count: int = 200, step_ms: int = 1000, value: int = 150) -> list[Event]:
    """Events of which most stand in tiles."""
    return [event(n, START_MS + n * step_ms, "view", value, n, n % 50) for n in range(count)]


def test_a_new_field_holds_nothing_until_it_comes() -> None:
    old, new = plan(text(("a",))), plan(text(("a", "b")))
    profile = migrated(some(), old, new)
    features = snapshot(profile, new, 0)
    assert (features["b_sum_24h"], features["b_min_24h"], features["b_last"]) == (0.0, None, None)
    assert features["a_sum_24h"] == 300.0
    profile, _ = fold(profile, [event(900, START_MS + 300_000, "view", 1, 77)], new)
    assert snapshot(profile, new, 0)["b_sum_24h"] == 0.77


def test_a_removed_field_is_gone_and_a_renamed_one_is_another() -> None:
    old = plan(text(("a", "b")))
    kept = snapshot(migrated(some(), old, plan(text(("b",)))), plan(text(("b",))), 0)
    assert not [name for name in kept if name.startswith("a_")]
    assert kept["b_last"] == 1.99
    renamed = plan(text(("b",)).replace("numbers.b", "numbers.x").replace("b =", "x ="))
    features = snapshot(
        unpack(pack_bounded(folded(under(some(), old), old), old), renamed), renamed, 0
    )
    assert (features["x_sum_24h"], features["x_last"], features["count_24h"]) == (0.0, None, 200)


def test_a_number_that_becomes_a_category_starts_anew() -> None:
    old = plan(text(("a",)))
    new = plan(text(("c",)).replace("categories.c", "categories.a").replace("c =", "a ="))
    assert snapshot(migrated(some(), old, new), new, 0)["a_distinct_24h"] == 0


@pytest.mark.parametrize("count", [10, 200])
def test_a_finer_scale_is_exact(count: int) -> None:
    old, new = plan(text(("a",))), plan(text(("a",), scale=5))
    features = snapshot(migrated(some(count), old, new), new, 0)
    assert (features["a_sum_24h"], features["a_mean_24h"]) == (1.5 * count, 1.5)
    assert (features["a_min_24h"], features["a_max_24h"], features["a_last"]) == (1.5, 1.5, 1.5)
    assert features["a_std_24h"] == 0.0


@pytest.mark.parametrize("values", [3, 64, 1000])
def test_distinct_numbers_are_known_again_at_a_finer_scale(values: int) -> None:
    old, new = plan(text(("a",))), plan(text(("a",), scale=5))
    every = [event(n, START_MS + n * 1000, "view", n % values) for n in range(1200)]
    profile = migrated(every[:1100], old, new)
    for before, after in (
        (profile, 1100),
        (fold(profile, under(every[1100:], new, 5), new)[0], 1200),
    ):
        features = snapshot(unpack(pack_bounded(before, new), new), new, 0)
        assert features["a_distinct_1m"] == min(values, 61)
        whole = features["a_distinct_24h"]
        assert whole is not None
        assert whole == values if values <= EXACT else EXACT < whole <= after


def test_numbers_that_a_coarser_scale_makes_one_are_counted_once() -> None:
    old, new = plan(text(("a",))), plan(text(("a",), scale=1))
    every = [event(n, START_MS + n * 1000, "view", n % 40 + 100) for n in range(200)]
    features = snapshot(migrated(every, old, new), new, 0)
    # 1.00 to 1.39, rounded to tenths: 1.0 to 1.4.
    assert features["a_distinct_24h"] == features["a_distinct_1m"] == 5


@pytest.mark.parametrize("count", [10, 200])
@pytest.mark.parametrize("value", [150, 149, -149, 5, -5, 4, 1, 0])
def test_a_coarser_scale_rounds_and_no_variance_is_negative(count: int, value: int) -> None:
    old, new = plan(text(("a",))), plan(text(("a",), scale=1))
    profile = migrated(some(count, value=value), old, new)
    features = snapshot(profile, new, 0)
    for name in ("a_mean_24h", "a_min_24h", "a_max_24h", "a_last"):
        assert features[name] == pytest.approx(value / 100, abs=0.0501), name
    assert features["a_std_24h"] is not None
    assert 0 <= features["a_std_24h"] < 0.5
    later = [
        event(n, START_MS + 300_000 + n * 1000, "view", value // 10) for n in range(1000, 1100)
    ]
    after, _ = fold(profile, later, new)
    assert snapshot(after, new, 0)["count_24h"] == count + 100


def test_the_largest_numbers_survive_a_finer_scale() -> None:
    largest = (1 << 62) - 1
    old, new = plan(text(("a",), scale=0)), plan(text(("a",), scale=9))
    events = [event(n, START_MS + n * 1000, "view", largest) for n in range(150)]
    profile = unpack(pack_bounded(folded(events, old), old), new)
    stored = unpack(pack_bounded(profile, new), new)
    features = snapshot(stored, new, 0)
    assert features["count_24h"] == 150
    assert features["a_std_24h"] == 0.0


def test_a_longer_window_is_complete_as_far_as_events_are_known() -> None:
    old, new = plan(text(("a",), ("1m", "1h"))), plan(text(("a",), ("1m", "1h", "7d")))
    events = some(400, step_ms=30_000)
    profile = migrated(events, old, new)
    features = snapshot(profile, new, 0)
    known = snapshot(folded(under(events, old), old), old, 0)["count_1h"]
    assert features["count_1h"] == known
    assert features["count_7d"] is not None
    assert known is not None
    assert known <= features["count_7d"] < 400
    # From now on nothing is forgotten before its seven days are over.
    later = [event(n, START_MS + n * 30_000, "view", 1) for n in range(400, 3000)]
    before = features["count_7d"]
    for start in range(0, len(later), 500):
        profile, _ = fold(profile, later[start : start + 500], new)
    assert snapshot(profile, new, 0)["count_7d"] == before + len(later)


def test_aggregates_by_type_are_complete_while_events_stand_singly() -> None:
    old, new = plan(text(("a",))), plan(text(("a",), by_type=f'"*" = {{ a = {AGGREGATES} }}'))
    few = snapshot(migrated(some(20), old, new), new, 0)
    assert (few["a_sum_24h.view"], few["a_distinct_24h.view"]) == (30.0, 1)
    many = migrated(some(200), old, new)
    before = snapshot(many, new, 0)["a_sum_24h.view"]
    assert before is not None
    assert before < 300.0
    after, _ = fold(many, [event(900, START_MS + 300_000, "view", 100)], new)
    assert snapshot(after, new, 0)["a_sum_24h.view"] == before + 1.0


def test_distinct_counts_that_are_new_count_what_comes() -> None:
    with_distinct = text(("b",))
    old, new = plan(with_distinct.replace(', "distinct"', "")), plan(with_distinct)
    profile = migrated(some(200), old, new)
    known = snapshot(profile, new, 0)["b_distinct_24h"]
    assert known is not None
    assert known < 64
    later = [event(n, START_MS + 300_000 + n, "view", 0, n % 60 + 1000) for n in range(900, 1100)]
    after, _ = fold(profile, under(later, new), new)
    assert snapshot(after, new, 0)["b_distinct_1m"] == 60


def test_ids_sessions_and_counters_are_carried_over() -> None:
    old, new = plan(text(("a",))), plan(text(("b",), ("10m", "30d")))
    events = some(50)
    profile = folded(under([*events, events[3]], old), old)
    after = unpack(pack_bounded(profile, old), new)
    assert (after.accepted, after.duplicates, after.late) == (50, 1, 0)
    assert after.updated_ms == profile.updated_ms
    assert after.sessions.count == profile.sessions.count == 1
    again, change = fold(after, under(events, new), new)
    assert (change.applied, len(change.duplicates)) == (0, 50)
    assert again.accepted == 50
