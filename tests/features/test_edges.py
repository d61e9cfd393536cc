"""At the edge, to the millisecond: lateness, session gaps, windows, and times in every dress."""

from __future__ import annotations

import pytest
from millrace.features.fold import fold
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.snapshot import snapshot

from tests.features.making import START_MS, event, folded, plan
from tests.features.streaming import NOW_MS, Bench, document, record


def definitions(lateness: str, gap: str = "1h") -> Plan:
    return plan(
        f'version = 1\n[entity.user]\nkey = "u"\nlateness = "{lateness}"\nsession_gap = "{gap}"\n'
    )


@pytest.mark.parametrize(("lateness", "lateness_ms"), [("0s", 0), ("250ms", 250), ("60s", 60_000)])
@pytest.mark.parametrize("batched", [True, False])
def test_an_event_as_old_as_the_lateness_is_in_time_and_no_older(
    lateness: str, lateness_ms: int, batched: bool
) -> None:
    its_plan, newest = definitions(lateness), event(1, START_MS)
    others = [event(2, START_MS - lateness_ms), event(3, START_MS - lateness_ms - 1)]
    profile = Profile(0)
    late = []
    for batch in [[newest, *others]] if batched else [[newest], [others[0]], [others[1]]]:
        profile, change = fold(profile, batch, its_plan)
        late += [batch[index].id for index in change.late]
    assert (profile.accepted, profile.late, late) == (2, 1, ["e3"])


def test_an_event_is_late_by_what_came_before_it_not_by_what_comes_behind() -> None:
    its_plan = definitions("1s")
    events = [event(1, START_MS), event(2, START_MS + 9000), event(3, START_MS + 7999)]
    assert folded(events, its_plan).late == 1
    assert folded([events[0], events[2], events[1]], its_plan).late == 0


def test_an_id_is_remembered_as_long_as_its_event_would_be_in_time() -> None:
    its_plan = definitions("60s")
    first, later = event(1, START_MS), event(2, START_MS + 60_000)
    in_time, too_late = folded([first, later, first], its_plan), event(3, START_MS + 60_001)
    assert (in_time.duplicates, in_time.late, in_time.accepted) == (1, 0, 2)
    after = folded([first, later, too_late, first], its_plan)
    assert (after.duplicates, after.late, after.accepted) == (0, 1, 3)


# Sessions.


@pytest.mark.parametrize(("pause_ms", "sessions"), [(599_999, 1), (600_000, 1), (600_001, 2)])
def test_a_session_ends_after_its_gap_and_not_at_it(pause_ms: int, sessions: int) -> None:
    its_plan = definitions("60s", "10m")
    profile = folded([event(1, START_MS), event(2, START_MS + pause_ms)], its_plan)
    assert profile.sessions.count == sessions


def test_out_of_order_it_is_the_same() -> None:
    its_plan = definitions("10m", "10m")
    profile = folded([event(1, START_MS + 600_000), event(2, START_MS)], its_plan)
    assert (profile.sessions.count, profile.late) == (1, 0)


def test_an_event_between_two_sessions_joins_them() -> None:
    its_plan = definitions("60s", "60s")
    times = [START_MS, START_MS + 100_000, START_MS + 50_000]
    profile = folded([event(n, time_ms) for n, time_ms in enumerate(times)], its_plan)
    assert profile.sessions.count == 1
    features = snapshot(profile, its_plan, START_MS + 100_000)
    assert (features["session_length_s"], features["session_events"]) == (100.0, 3)


@pytest.mark.parametrize(("after_ms", "events"), [(0, 2), (3_600_000, 2), (3_600_001, 0)])
def test_a_session_is_on_until_its_gap_has_passed(after_ms: int, events: int) -> None:
    its_plan = definitions("60s")
    profile = folded([event(1, START_MS), event(2, START_MS + 5000)], its_plan)
    features = snapshot(profile, its_plan, START_MS + 5000 + after_ms)
    assert (features["session_events"], features["session_count"]) == (events, 1)
    assert features["session_length_s"] == (5.0 if events else 0.0)


# Windows.


def test_a_window_begins_at_an_edge_of_its_tile() -> None:
    its_plan = plan('version = 1\n[entity.user]\nkey = "u"\nwindows = ["5m"]\n')
    at_ms = 1_700_000_100_000  # an edge of every tile up to 5 minutes
    for older_ms, count in ((300_000, 1), (300_001, 0), (299_999, 1)):
        profile = folded([event(1, at_ms - older_ms)], its_plan)
        assert snapshot(profile, its_plan, at_ms)["count_5m"] == count
    # Read a millisecond later, the window is shorter by up to one tile.
    profile = folded([event(1, at_ms - 295_000), event(2, at_ms - 295_001)], its_plan)
    assert snapshot(profile, its_plan, at_ms + 1)["count_5m"] == 1


def test_counts_fall_without_a_write_and_recency_rises() -> None:
    its_plan = plan('version = 1\n[entity.user]\nkey = "u"\nwindows = ["1m", "1h"]\n')
    profile = folded([event(n, START_MS + n * 1000) for n in range(10)], its_plan)
    seen = [snapshot(profile, its_plan, START_MS + s * 1000) for s in (9, 65, 80, 4000)]
    assert [one["count_1m"] for one in seen] == [10, 5, 0, 0]
    assert [one["count_1h"] for one in seen] == [10, 10, 10, 0]
    assert [one["recency_s"] for one in seen] == [0.0, 56.0, 71.0, 3991.0]


# Times as producers write them.


@pytest.mark.parametrize(
    "written",
    [
        "2023-11-14T22:13:20",  # without a zone it is UTC
        "2023-11-14 22:13:20Z",
        "2023-11-15T03:43:20+05:30",
        "2023-11-14T18:13:20-04:00",
        "20231114T221320Z",
        1_700_000_000,
        1_700_000_000.0,
        1_700_000_000_000,
    ],
)
def test_one_moment_is_one_moment_however_it_is_written(written: object) -> None:
    bench = Bench()
    bench.run(record({**document(1), "timestamp": written}, 1))
    assert bench.entry().profile.latest_ms == START_MS


def test_when_clocks_are_put_back_no_hour_is_lost_and_none_is_doubled() -> None:
    """New York, 5 November 2023: 01:30 comes twice; with their zones they are an hour apart."""
    bench = Bench()
    written = ["2023-11-05T01:30:00-04:00", "2023-11-05T01:30:00-05:00", "2023-11-05T06:30:01Z"]
    bench.run(*[record({**document(n), "timestamp": t}, n) for n, t in enumerate(written, 1)])
    profile = bench.entry().profile
    features = snapshot(profile, bench.enricher._reader.plans[0], profile.latest_ms)
    assert (profile.accepted, profile.late) == (3, 0)
    assert (features["count_1h"], features["count_24h"]) == (2, 3)
    assert features["recency_s"] == 0.0


@pytest.mark.parametrize(("ahead_ms", "applied"), [(5000, 1), (5001, 0)])
def test_an_event_may_be_five_seconds_ahead_of_its_arrival(ahead_ms: int, applied: int) -> None:
    bench = Bench()
    report = bench.run(record(document(1, at_ms=NOW_MS + ahead_ms), 1, arrival_ms=NOW_MS))
    assert (report.applied, report.quarantined) == (applied, 1 - applied)


def test_an_event_that_waited_in_the_stream_is_not_late_for_that() -> None:
    """Late is measured against the user's own events, never against the clock."""
    bench = Bench()
    old = record(document(1, at_ms=START_MS - 20 * 86_400_000), 1, arrival_ms=START_MS)
    report = bench.run(old, now_ms=START_MS + 7 * 86_400_000)
    assert (report.applied, report.late) == (1, 0)
