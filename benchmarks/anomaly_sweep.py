"""What the sweep costs, by the number of rows that are new, and beside the tutorial's loop."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence

from millrace.anomaly.instants import iso_ms
from millrace.anomaly.sqlite import SqliteDatabase

from benchmarks import tutorial_anomaly
from benchmarks.figures import Figure, at_most
from benchmarks.least_cpu import least_s, timed

SIZES = (1_000, 3_000, 10_000)
_SERIES = 10
_START_S = 1_790_000_000
_OLD, _NEW = 30_000, 1_000
# Ten times the rows may take a little more than ten times as long.
_LINEAR, _CONSTANT = 13.0, 1.5
_MEMORY = ":memory:"

Rows = list[tuple[str, str, str, float]]


def rows(first: int, count: int) -> Rows:
    """New rows of ten series: id, series, time, value."""
    rng = random.Random(first)  # noqa: S311  metrics, not a secret
    return [
        (
            f"row-{n:07}",
            f"series-{n % _SERIES}",
            iso_ms(1000 * (_START_S + 60 * (n // _SERIES))),
            rng.gauss(50, 2) + (40 if n % 500 == 499 else 0),
        )
        for n in range(first, first + count)
    ]


def sweep_s(new: int, old: int = 0, rounds: int = 3) -> float:
    """Least processor seconds of a sweep of so many new rows among old ones."""

    def one_round() -> Iterator[float]:
        database = SqliteDatabase(_MEMORY)
        if old:
            _put(database.connection, rows(0, old))
            database.sweep()
        _put(database.connection, rows(old, new))
        yield from timed([database.sweep])
        database.close()

    return least_s(one_round, rounds)


def _put(connection: sqlite3.Connection, new: Rows) -> None:
    connection.executemany(
        "INSERT INTO raw_events (event_id, series, event_time, metric_value) VALUES (?, ?, ?, ?)",
        new,
    )


def loop_s(count: int, rounds: int) -> float:
    """Least processor seconds of the tutorial's loop over so many new rows."""

    def one_round() -> Iterator[float]:
        connection = sqlite3.connect(_MEMORY)
        connection.execute(tutorial_anomaly.TABLE)
        connection.executemany(
            "INSERT INTO raw_events (event_id, event_time, metric_value, feature1, feature2)"
            " VALUES (?, ?, ?, ?, ?)",
            [(name, at, value, value - 1.0, value) for name, _, at, value in rows(0, count)],
        )
        yield from timed([lambda: tutorial_anomaly.loop(connection)])
        connection.close()

    return least_s(one_round, rounds)


def sweep_figures(sizes: Sequence[int] = SIZES, old: int = _OLD, rounds: int = 3) -> list[Figure]:
    """Milliseconds by size, how they grow, and what old rows add."""
    ours = {size: sweep_s(size, rounds=rounds) for size in sizes}
    its = {size: loop_s(size, max(1, rounds - 1)) for size in sizes}
    small, large = min(sizes), max(sizes)
    figures = [
        at_most(
            f"sweep of {size:,} new rows",
            1000 * ours[size],
            "ms CPU",
            rival=(tutorial_anomaly.LOOP, 1000 * its[size]),
        )
        for size in sizes
    ]
    growth, its_growth = ours[large] / ours[small], its[large] / its[small]
    times = large / small
    figures.append(
        at_most(
            f"sweep: {times:g} times the rows",
            growth,
            "times the CPU",
            _LINEAR * times / 10,
            (tutorial_anomaly.LOOP, its_growth),
        )
    )
    among = sweep_s(_NEW, old, rounds) / sweep_s(_NEW, rounds=rounds)
    figures.append(
        at_most(
            f"sweep of {_NEW:,} new rows among {old:,} old ones",
            among,
            "times the CPU of none",
            _CONSTANT,
        )
    )
    return figures
