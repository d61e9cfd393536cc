"""The lag that is measured is that of events which came through, ours and the tutorial's."""

from __future__ import annotations

from benchmarks.lag import lag_figures, traffic


def test_traffic_is_due_at_its_own_time() -> None:
    puts = list(traffic(1_700_000_000_000, 2.0, seed=1))
    assert len(puts) == 200
    assert puts[-1].due_ms - puts[0].due_ms == 1_990
    assert all(put.due_ms == put.event_ms for put in puts)


def test_both_come_through() -> None:
    figures = lag_figures(seconds=0.5)
    assert [one.target for one in figures] == [None, 1_000, None, 2_500]
    for one in figures:
        assert one.value >= 0
        assert one.rival_value is not None
