"""The sweep in SQL: what sweep.py says, row by row, and nothing that was judged before."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.anomaly.instants import iso_ms
from millrace.anomaly.sweep import NewRow, SweepSettings, SweepState, SweptRow, sweep

from tests.oci.making import START_S, Kept, history

Rows = list[NewRow]


def put(kept: Kept, rows: Rows, series: str = "default") -> None:
    """Rows as the tutorial's function inserts them."""
    kept.database.connection.executemany(
        "INSERT INTO raw_events (event_id, event_time, metric_value, feature1, feature2, series,"
        " received_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?2)",
        [
            (r.event_id, iso_ms(round(r.at_s * 1000)), r.value, r.feature1, r.feature2, series)
            for r in rows
        ],
    )


def set_to(kept: Kept, given: SweepSettings) -> None:
    kept.database.connection.execute(
        "UPDATE sweep_settings SET half_life_s = ?, threshold = ?, warm_up = ?, quiet_s = ?", given
    )


def close(found: Sequence[float | None], wanted: Sequence[float | None]) -> bool:
    """Equal up to the rounding of sums."""
    return all(
        a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-9)
        for a, b in zip(found, wanted, strict=True)
    )


def compared(kept: Kept, swept: list[SweptRow], series: str = "default") -> None:
    """Hold the rows of the table against those of sweep.py."""
    found = {
        row[0]: row[1:]
        for row in kept.rows(
            "SELECT event_id, feature1, feature2, score, anomaly_flag, processed_flag, scored_by"
            " FROM raw_events WHERE series = ?",
            series,
        )
    }
    for row in swept:
        *numbers, flag, processed, scored_by = found[row.event_id]
        assert close(numbers, [row.feature1, row.feature2, row.score]), (row, numbers)
        assert (flag, processed, scored_by) == ("Y" if row.strange else "N", "Y", "sweep")
    alerts = {row.event_id for row in swept if row.begins}
    raised = kept.rows("SELECT alert_id FROM alerts WHERE series = ?", series)
    assert {name for (name,) in raised} == alerts
    episodes: dict[str | None, int] = {}
    for row in swept:
        if row.strange:
            episodes[row.episode_id] = episodes.get(row.episode_id, 0) + 1
    counted = kept.rows("SELECT episode_id, strange_points FROM episodes WHERE series = ?", series)
    assert dict(counted) == episodes


def stated(kept: Kept, state: SweepState | None, series: str = "default") -> None:
    rows = kept.rows(
        "SELECT centre, w, s1, s2, seen, last_s, last_value, strange_s FROM sweep_state"
        " WHERE series = ?",
        series,
    )
    assert state is not None
    assert close(rows[0], state[:-1]), (state, rows)


def noisy(count: int, seed: int, start: int = 0) -> Rows:
    rng = random.Random(seed)
    return [
        NewRow(
            f"e{start + i:06d}",
            START_S + 60.0 * (start + i) + rng.choice([0, 0, 0, -300]),
            20 + rng.gauss(0, 2) + (50 if rng.random() < 0.02 else 0),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_parity_over_several_sweeps(seed: int) -> None:
    given, kept = SweepSettings(quiet_s=600.0), Kept()
    set_to(kept, given)
    rows = noisy(400, seed)
    rng = random.Random(seed)
    state, swept = None, []
    while rows:
        size = rng.randint(1, 150)
        part, rows = rows[:size], rows[size:]
        put(kept, part)
        assert kept.store.sweep().rows == len(part)
        done, state = sweep(part, state, given)
        swept += done
    assert any(row.strange for row in swept)
    compared(kept, swept)
    stated(kept, state)


values = st.integers(-1000, 1000).map(lambda n: n / 8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 20_000), values), min_size=1, max_size=15),
        min_size=1,
        max_size=4,
    )
)
def test_parity_on_anything(parts: list[list[tuple[int, float]]]) -> None:
    """Late rows, equal times, gaps that forget everything, one value again and again."""
    given, kept = SweepSettings(half_life_s=50.0, threshold=2.0, warm_up=3, quiet_s=40.0), Kept()
    set_to(kept, given)
    state, swept, number = None, [], 0
    for part in parts:
        rows = []
        for at_s, value in part:
            rows.append(NewRow(f"e{number:03d}", float(START_S + at_s), value))
            number += 1
        put(kept, rows)
        kept.store.sweep()
        done, state = sweep(rows, state, given)
        swept += done
    edge = [row for row in swept if row.score is not None and abs(row.score - 1) < 1e-6]
    if not edge and not any(_unsettled(row) for row in swept):
        compared(kept, swept)
    stated(kept, state)


def _unsettled(row: SweptRow) -> bool:
    """A z-score against next to no deviation, where the last bit of a sum decides."""
    return row.z is not None and abs(row.z) > 1e3 - 1


def test_what_it_claims_in_plain_numbers() -> None:
    """Without fading it is the mean and the deviation of everything before."""
    given = SweepSettings(half_life_s=1e15, threshold=3.0, warm_up=4)
    values = [1.0, 2.0, 3.0, 4.0, 10.0]
    swept, _ = sweep([NewRow(str(i), float(i), v) for i, v in enumerate(values)], None, given)
    assert [row.z for row in swept[:4]] == [None] * 4
    assert swept[4].z == pytest.approx((10 - 2.5) / math.sqrt(1.25))
    assert swept[4].begins


def test_a_constant_series_that_moves_is_strange() -> None:
    rows = [NewRow(f"{i:02d}", 60.0 * i, 5.0) for i in range(40)] + [NewRow("40", 2400.0, 6.0)]
    swept, _ = sweep(rows, None, SweepSettings())
    assert [row.z for row in swept[30:]] == [0.0] * 10 + [1000.0]


def test_rows_of_the_function_are_left_alone() -> None:
    kept = Kept()
    kept.handle(history(50))
    before = kept.results()
    assert kept.store.sweep() == (0, 0, 0, True)
    assert kept.results() == before
    assert kept.rows("SELECT * FROM sweep_state") == []


def test_features_that_are_there_stay() -> None:
    kept = Kept()
    put(kept, [NewRow("a", 0.0, 3.0, 2.0, 3.0), NewRow("b", 1.0, 6.0)])
    kept.store.sweep()
    assert kept.rows("SELECT feature1, feature2 FROM raw_events ORDER BY event_id") == [
        (2.0, 3.0),
        (3.0, 2.0),
    ]


def flag(kept: Kept, name: str, value: str = "Y") -> None:
    kept.database.connection.execute(
        "UPDATE raw_events SET anomaly_flag = ? WHERE event_id = ?", (value, name)
    )


def raised(kept: Kept) -> list[Any]:
    return kept.rows("SELECT alert_id, raised_by FROM alerts ORDER BY 1")


def test_a_row_flagged_by_hand_reaches_the_outbox_once() -> None:
    kept = Kept()
    kept.handle(history(20))
    for value in ("Y", "N", "Y", "Y"):
        flag(kept, "cpu-3", value)
    assert raised(kept) == [("cpu-3", "hand")]
    assert [one.alert_id for one in kept.store.pending()] == ["cpu-3"]


def test_a_row_flagged_before_it_was_judged_reaches_the_outbox_once() -> None:
    kept = Kept()
    put(kept, [NewRow("a", 0.0, 3.0), NewRow("b", 1.0, 6.0)])
    flag(kept, "b")
    assert raised(kept) == []
    kept.store.sweep()
    assert raised(kept) == [("b", "hand")]
    assert kept.rows("SELECT anomaly_flag FROM raw_events ORDER BY event_id") == [("N",), ("Y",)]
    kept.store.sweep()
    assert [one.alert_id for one in kept.store.pending()] == ["b"]


def test_a_muted_series_raises_its_alerts_in_silence() -> None:
    kept = Kept()
    kept.database.connection.execute(
        "INSERT INTO series_settings (series, muted_until_ms) VALUES ('default', 2200000)"
    )
    put(kept, [NewRow(f"{i:02d}", 60.0 * i, 5.0 + (90 if i in (35, 38) else 0)) for i in range(40)])
    kept.database.connection.execute("UPDATE sweep_settings SET quiet_s = 100")
    assert kept.store.sweep().alerts == 2
    assert [one.alert_id for one in kept.store.pending()] == ["38"]


def test_a_row_of_a_muted_series_is_flagged_by_hand_in_silence() -> None:
    """Up to the moment; and what is kept muted is not sent when it is flagged once more."""
    kept = Kept()
    kept.handle(history(20))
    until_ms = round(1000 * (START_S + 300 * 10))
    kept.database.connection.execute(
        f"INSERT INTO series_settings (series, muted_until_ms) VALUES ('cpu', {until_ms})"
    )
    for value in ("Y", "N", "Y"):
        for number in (3, 9, 10):
            flag(kept, f"cpu-{number}", value)
    kept.database.connection.execute(
        "INSERT INTO raw_events (event_id, event_time, series, anomaly_flag, processed_flag)"
        f" VALUES ('came', '{iso_ms(until_ms - 1)}', 'cpu', 'Y', 'Y')"
    )
    muted = kept.rows("SELECT alert_id, muted_flag FROM alerts ORDER BY 1")
    assert muted == [("came", "Y"), ("cpu-10", "N"), ("cpu-3", "Y"), ("cpu-9", "Y")]
    assert [one.alert_id for one in kept.store.pending()] == ["cpu-10"]


def test_a_long_backlog_takes_several_passes_and_one_sweep() -> None:
    kept, given = Kept(), SweepSettings(half_life_s=60.0)
    set_to(kept, given)
    rows = noisy(3000, 1)
    put(kept, rows)
    assert kept.store.sweep().rows == 3000
    swept, state = sweep(rows, None, given)
    compared(kept, swept)
    stated(kept, state)
    assert kept.rows("SELECT COUNT(*), SUM(rows_judged) FROM sweep_runs") == [(1, 3000)]


def test_the_new_rows_are_found_by_their_index() -> None:
    from millrace.anomaly.sweep_text import steps

    kept = Kept()
    (text,) = [step.text for step in steps() if "INTO sweep_batch" in step.text]
    plan = " ".join(row[-1] for row in kept.rows(f"EXPLAIN QUERY PLAN {text}"))
    assert "raw_events_new" in plan


def test_series_do_not_disturb_each_other() -> None:
    kept, swept = Kept(), {}
    for number, series in enumerate(("a", "b", "c")):
        rows = [row._replace(event_id=series + row.event_id) for row in noisy(200, number)]
        put(kept, rows, series)
        swept[series], _ = sweep(rows, None, SweepSettings())
    kept.store.sweep()
    for series, rows_of in swept.items():
        compared(kept, rows_of, series)


def test_rows_may_be_judged_again() -> None:
    kept = Kept()
    put(kept, [NewRow(f"{i:02}", 60.0 * i, 5 + i % 3 + (90 if i > 45 else 0)) for i in range(50)])
    first = kept.store.sweep()
    assert (first.strange > 1, first.alerts) == (True, 1)
    kept.database.connection.execute("UPDATE raw_events SET processed_flag = 'N'")
    assert kept.store.sweep().rows == 50
    assert raised(kept) == [("46", "sweep")]
    assert len(kept.store.pending()) == 1
