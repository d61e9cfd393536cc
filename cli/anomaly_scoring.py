"""A table's rows judged by the detector, series by series, as they come: no database, no end."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from millrace.anomaly.detector import Detector
from millrace.anomaly.instants import iso_ms
from millrace.anomaly.line import STRANGE
from millrace.anomaly.verdict import Verdict
from millrace.errors import ConfigurationError

from cli.anomaly_chart import Sketch, dab
from cli.anomaly_rows import Bad, Row, missing

# So many series are drawn into memory; the others are judged all the same.
_SKETCHED = 200
_PROBLEMS_KEPT = 20

OUT = (
    *("time", "series", "value", "score", "strange", "alert", "expected", "low", "high"),
    *("view", "reason"),
)


@dataclass(slots=True)
class Episode:
    """A run of strange points with one alert, at its first."""

    series: str
    line: int
    start_ms: int | None
    end_ms: int | None
    peak_ms: int | None
    peak_score: float
    peak_value: float
    expected: float | None
    points: int
    reason: str

    def follow(self, row: Row, verdict: Verdict) -> None:
        """Take in a strange point more."""
        self.end_ms = row.time_ms
        self.points += 1
        if verdict.score > self.peak_score:
            self.peak_ms, self.peak_score = row.time_ms, verdict.score
            self.peak_value, self.expected = verdict.value, verdict.expected


@dataclass(slots=True)
class Judged:
    """One series of a file."""

    series: str
    detector: Detector
    sketch: Sketch | None
    points: int = 0
    empty: int = 0
    backwards: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    of_rate: bool = False
    episodes: list[Episode] = field(default_factory=list)

    def judge(self, row: Row) -> Verdict:
        """A row's verdict; what follows from it is kept."""
        time_s = math.nan if row.time_ms is None else row.time_ms / 1000
        verdict = self.detector.update(time_s, row.value)
        self.points += 1
        if row.time_ms is not None:
            self.backwards += self.last_ms is not None and row.time_ms < self.last_ms
            self.first_ms = row.time_ms if self.first_ms is None else self.first_ms
            self.last_ms = row.time_ms
        strange = verdict.score >= STRANGE
        if verdict.alert:
            self.episodes.append(_begun(self.series, row, verdict))
        elif strange and self.episodes:
            self.episodes[-1].follow(row, verdict)
        self._draw(verdict, strange)
        return verdict

    def _draw(self, verdict: Verdict, strange: bool) -> None:
        if self.sketch is None:
            return
        if verdict.of_rate and not self.of_rate:
            # What came before was no rate: it has another scale.
            self.of_rate, self.sketch = True, Sketch()
        self.sketch.add(
            dab(
                verdict.value,
                verdict.low,
                verdict.high,
                score=verdict.score,
                strange=strange,
                alert=verdict.alert,
            )
        )


class Problem(NamedTuple):
    """A line that could not be read."""

    line: int
    problem: str


@dataclass(slots=True)
class Scorer:
    """Judges rows, and keeps what is told of them."""

    sensitivity: float = 1.0
    draws: bool = True
    series: dict[str, Judged] = field(default_factory=dict)
    rows: int = 0
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)

    def score(self, rows: Iterable[Row | Bad], write: Callable[[Row, Verdict], None]) -> None:
        """Judge all rows, and write each with its verdict."""
        for row in rows:
            if isinstance(row, Bad):
                self.bad += 1
                if len(self.problems) < _PROBLEMS_KEPT:
                    self.problems.append(Problem(row.line, row.problem))
                continue
            self.rows += 1
            one = self._of(row.series)
            if missing(row):
                one.empty += 1
                continue
            write(row, one.judge(row))

    def _of(self, name: str) -> Judged:
        if name not in self.series:
            draws = self.draws and len(self.series) < _SKETCHED
            detector = Detector(self.sensitivity)
            self.series[name] = Judged(name, detector, Sketch() if draws else None)
        return self.series[name]

    def episodes(self) -> list[Episode]:
        """All of them, in the order in which they began."""
        found = [episode for one in self.series.values() for episode in one.episodes]
        return sorted(found, key=lambda one: (one.start_ms or 0, one.line))


def _begun(series: str, row: Row, verdict: Verdict) -> Episode:
    return Episode(
        series=series,
        line=row.line,
        start_ms=row.time_ms,
        end_ms=row.time_ms,
        peak_ms=row.time_ms,
        peak_score=verdict.score,
        peak_value=verdict.value,
        expected=verdict.expected,
        points=1,
        reason=verdict.reason,
    )


@contextlib.contextmanager
def verdicts_to(path: Path | None) -> Iterator[Callable[[Row, Verdict], None]]:
    """What writes each row with its verdict to a CSV; nothing is written where it is None.

    Raises ConfigurationError where the file cannot be written.
    """
    if path is None:
        yield lambda row, verdict: None
        return
    try:
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigurationError(f"Cannot write --out {path}: {error.strerror}.") from error
    with stream:
        writer = csv.writer(stream)
        writer.writerow(OUT)
        yield lambda row, verdict: writer.writerow(_cells(row, verdict))


def _cells(row: Row, verdict: Verdict) -> list[object]:
    """A row with its verdict. A counter's value, expectation and band are rates per second."""
    return [
        "" if row.time_ms is None else iso_ms(row.time_ms),
        _harmless(row.series),
        verdict.value,
        round(verdict.score, 4),
        int(verdict.score >= STRANGE),
        int(verdict.alert),
        *("" if x is None else x for x in (verdict.expected, verdict.low, verdict.high)),
        verdict.view,
        verdict.reason,
    ]


def _harmless(text: str) -> str:
    """A spreadsheet would take such a text for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "@")) else text
