"""Users gone wild: a profile stays within its bound, and says what it lost to do so."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest
from millrace.errors import StateTooLarge
from millrace.events import NUMBER_BOUND, Event
from millrace.features.bounds import pack_bounded
from millrace.features.fold import IDS_MOST, fold
from millrace.features.packing import unpack
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.size import MAX_PROFILE_BYTES
from millrace.features.snapshot import snapshot

from localcloud import oracle
from tests.features.making import RICH, START_MS, event, plan

ALL = '["sum", "mean", "min", "max", "std", "last", "distinct"]'
TILED = '["sum", "mean", "min", "max", "std", "last"]'


def definitions(by_type: str, types: int = 128, windows: str = '["1m", "5m", "1h", "24h"]') -> str:
    return f"""
        version = 1
        [event.numbers.metric]
        [entity.user]
        key = "userId"
        windows = {windows}
        max_types = {types}
        [entity.user.all_types]
        metric = {ALL}
        [entity.user.by_type]
        {by_type}
        """


SIXTEEN = "\n".join(
    ["version = 1"]
    + [f"[event.numbers.n{n}]" for n in range(16)]
    + ["[entity.user]", 'key = "u"', 'windows = ["1m", "5m", "1h", "24h"]', "max_types = 128"]
    + ["[entity.user.all_types]", f"n0 = {ALL}"]
    + [f"n{n} = {TILED}" for n in range(1, 16)]
    + ["[entity.user.by_type]", '"*" = {' + ", ".join(f"n{n} = {TILED}" for n in range(16)) + "}"]
)


BY_TWO = "\n".join(
    ["version = 1"]
    + [f"[event.numbers.n{n}]" for n in range(4)]
    + ["[entity.user]", 'key = "u"', 'windows = ["1m", "5m", "1h", "24h", "7d", "30d"]']
    + ["[entity.user.all_types]"]
    + [f"n{n} = {TILED}" for n in range(4)]
    + ["[entity.user.by_type]", f'"*" = {{ n0 = {TILED}, n1 = {TILED} }}']
)


class Wild(NamedTuple):
    """How a user misbehaves: over `hours`, so many events a second, of so many types."""

    text: str
    hours: float
    per_s: float
    types: int
    values: int
    name_length: int = 8


WILD = {
    "128 types": Wild(definitions(""), 26, 0.2, 200, 10**6, 64),
    "50 a second": Wild(definitions(""), 0.25, 50, 5, 10**6),
    "5,000 ids a minute": Wild(definitions(""), 0.1, 85, 1, 10),
    "every value another": Wild(definitions(f'"*" = {{ metric = {ALL} }}'), 26, 0.2, 10, 10**15),
    "every aggregate by type": Wild(
        definitions(f'"*" = {{ metric = {TILED} }}'), 30, 0.15, 128, 99
    ),
    "huge values": Wild(
        definitions(f'"*" = {{ metric = {TILED} }}'), 26, 0.1, 66, NUMBER_BOUND - 1
    ),
    "windows of every kind": Wild(
        definitions(
            f'"*" = {{ metric = {TILED} }}', 20, '["1s", "1m", "6m", "2h", "1d", "4d", "90d"]'
        ),
        24 * 95,
        0.002,
        40,
        10**9,
    ),
    "sixteen fields": Wild(SIXTEEN, 26, 0.1, 128, 10**6),
    # So quick that the finest tiles alone are too much.
    "sixteen fields, quick": Wild(SIXTEEN, 0.3, 5, 8, 10**12),
    "two fields by type, quick": Wild(BY_TWO, 0.1, 20, 40, 10**10),
}
BATCH = 700


def events_of(wild: Wild, fields: int) -> Iterator[list[Event]]:
    """The user's events in batches, in order of time; the same at every run."""
    rng = random.Random(7)
    count = int(wild.hours * 3600 * wild.per_s)
    names = [f"{n:0{wild.name_length}d}" for n in range(wild.types)]
    batch = []
    for number in range(count):
        time_ms = START_MS + int(number / wild.per_s * 1000)
        values = [rng.randrange(-wild.values, wild.values) for _ in range(fields)]
        batch.append(event(number, time_ms, rng.choice(names), *values))
        if len(batch) == BATCH or number == count - 1:
            yield batch
            batch = []


def grown(wild: Wild, of: Plan) -> tuple[Profile, list[Event]]:
    """The profile after all events, stored after every batch within the bound, and the events."""
    profile, seen = Profile(len(of.fields)), []
    for batch in events_of(wild, len(of.fields)):
        profile, change = fold(profile, batch, of)
        assert not change.late
        data = pack_bounded(profile, of)
        assert len(data) <= MAX_PROFILE_BYTES
        profile = unpack(data, of)
        seen += batch
    return profile, seen


@pytest.mark.parametrize("name", WILD)
def test_a_wild_user_stays_within_the_bound_and_loses_no_count(name: str) -> None:
    wild = WILD[name]
    of = plan(wild.text)
    profile, events = grown(wild, of)
    assert profile.accepted == len(events)
    assert profile.late == 0
    at_ms = events[-1].time_ms
    assert_within_the_window_error(profile, events, of, at_ms)
    assert_within_the_window_error(profile, events, of, at_ms + 3_600_000)


def assert_within_the_window_error(
    profile: Profile, events: Sequence[Event], of: Plan, at_ms: int
) -> None:
    """Each count is that of a window which is short by at most the tile it is read at.

    Where tiles have given way, that is the coarsest tile, or a multiple of it.
    """
    features = snapshot(profile, of, at_ms)
    coarse_s = of.ladder.tiles_s[-1] << max(0, profile.coarse - 1)
    for window in of.entity.windows:
        tile_s = coarse_s if profile.coarse else window.tile_s
        longest = sum(at_ms - one.time_ms <= window.length_s * 1000 for one in events)
        shortest = sum(at_ms - one.time_ms <= (window.length_s - tile_s) * 1000 for one in events)
        count = features[f"count_{window.name}"]
        assert count is not None
        assert shortest <= count <= longest, (window.name, profile.coarse)
        of_types = sum(
            value or 0 for key, value in features.items() if key.startswith(f"count_{window.name}.")
        )
        assert of_types == count


def test_types_beyond_the_capacity_are_counted_together() -> None:
    of = plan(definitions("", types=3))
    events = [event(n, START_MS + n * 1000, f"t{n % 5}", 1) for n in range(50)]
    profile, _ = fold(Profile(1), events, of)
    assert profile.types == ("t0", "t1", "t2", "(other)")
    features = snapshot(profile, of, 0)
    assert [features[f"count_1m.{kind}"] for kind in profile.types] == [10, 10, 10, 20]


def test_types_that_are_named_always_have_a_place() -> None:
    of = plan(definitions(f'"*" = {{ metric = ["sum"] }}\nbuy = {{ metric = {TILED} }}', types=3))
    events = [event(n, START_MS + n * 1000, f"t{n % 5}", 1) for n in range(50)]
    events.append(event(99, START_MS + 60_000, "buy", 7))
    profile, _ = fold(Profile(1), events, of)
    assert profile.types == ("t0", "t1", "(other)", "buy")
    features = snapshot(profile, of, 0)
    assert (features["count_5m.buy"], features["metric_max_5m.buy"]) == (1, 7e-4)


# Event ids.


def test_ids_beyond_the_bound_raise_the_late_floor_which_is_counted() -> None:
    of = plan(definitions(""))
    events = [event(n, START_MS + n, "view", 1) for n in range(IDS_MOST + 1)]
    profile, _ = fold(Profile(1), events[:-1], of)
    assert (profile.floor_raises, len(profile.ids)) == (0, IDS_MOST)
    profile, _ = fold(profile, events[-1:], of)
    assert profile.floor_raises == 1
    assert IDS_MOST // 2 < len(profile.ids) <= IDS_MOST * 3 // 4
    # What is remembered is recognised; what may be a repetition of the rest is late.
    latest_ms = events[-1].time_ms
    assert START_MS < profile.floor_ms <= latest_ms
    again, change = fold(profile, events, of)
    assert again.accepted == profile.accepted
    for index in change.late:
        assert events[index].time_ms < profile.floor_ms
    for index in change.duplicates:
        assert events[index].time_ms >= profile.floor_ms
    assert len(change.late) + len(change.duplicates) == len(events)


def test_a_second_that_holds_too_many_ids_by_itself_is_closed() -> None:
    of = plan(definitions(""))
    events = [event(n, START_MS, "view", 1) for n in range(IDS_MOST + 5)]
    profile, _ = fold(Profile(1), events, of)
    assert profile.accepted == len(events)
    again, change = fold(profile, events, of)
    assert again.accepted == len(events)
    assert len(change.late) == len(events)


def test_a_profile_gives_back_what_it_lost_once_it_is_small() -> None:
    wild = WILD["every aggregate by type"]
    of = plan(wild.text)
    profile, events = grown(wild, of)
    assert profile.coarse >= 1
    start_ms = events[-1].time_ms + 2 * 86_400_000
    for n in range(80):
        profile, _ = fold(profile, [event(10**6 + n, start_ms + n * 30_000, "00000001", 1)], of)
        profile = unpack(pack_bounded(profile, of), of)
    assert profile.coarse == 0
    features = snapshot(profile, of, 0)
    assert (features["count_1h"], features["count_24h"]) == (80, 80)
    # Tiles are as fine again as the windows want them.
    assert features["count_5m"] == 10


def test_what_cannot_be_made_small_is_refused_with_the_remedy() -> None:
    of = plan(RICH)
    profile, _ = fold(Profile(3), [event(1, START_MS, "view", 1, 2, 3)], of)
    with pytest.raises(StateTooLarge, match=r"passes the bound of 100; ask for fewer distinct"):
        pack_bounded(profile, of, 100)


def test_sums_and_squares_of_the_largest_numbers_are_exact() -> None:
    of = plan(definitions(""))
    largest = NUMBER_BOUND - 1
    events = [
        event(n, START_MS + n * 1000, "view", largest if n % 3 else -largest) for n in range(200)
    ]
    profile, _ = fold(Profile(1), events, of)
    assert any(profile.counts), "the events are in tiles"
    features = snapshot(unpack(pack_bounded(profile, of), of), of, 0)
    expected = oracle.features(events, of, 0)
    assert features["metric_sum_24h"] == expected["metric_sum_24h"]
    assert features["metric_std_24h"] == pytest.approx(expected["metric_std_24h"], rel=1e-12)
