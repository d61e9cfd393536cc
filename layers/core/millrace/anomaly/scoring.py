"""A batch of metrics, judged: which rows, alerts, episodes and states must be written for it.

Pure: what is known comes in, what is to be written goes out, and a store does both in one
transaction. The rules:

- Order. Within a partition by offset, whatever the order of the batch. Where a series came by
  several partitions, those are merged by event time. Events without a place keep their order.
- Duplicates. An event whose id is known with the same series, time and value changes nothing. With
  other content it is a conflict, and kept in quarantine. So is an event with a new id at a place
  that is taken, for a stream made anew under the same name would look like that.
- Late. An event older than the newest one of its series is stored and marked; it is not judged,
  has no features, and changes neither the detector nor the last value.
- Features. feature1 is the change against the series' last value, feature2 the ratio to it. Both
  are null at the first event, and the ratio where the last value is 0 or it would pass 1e125.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from millrace.anomaly.detectors import Detectors
from millrace.anomaly.line import Line
from millrace.anomaly.metrics import Metric
from millrace.anomaly.rows import Alert, EpisodeRow, EventRow, Poison, SeriesState
from millrace.connector_hub import Source


@dataclass(frozen=True, slots=True)
class Known:
    """What the database holds already of a batch's ids and places."""

    contents: Mapping[str, tuple[str, int | None, float | None]]
    places: Mapping[Source, str]


@dataclass(slots=True)
class Scored:
    """What a batch comes to."""

    rows: list[EventRow] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    begun: list[EpisodeRow] = field(default_factory=list)
    continued: list[EpisodeRow] = field(default_factory=list)
    fresh: list[SeriesState] = field(default_factory=list)
    changed: list[SeriesState] = field(default_factory=list)
    conflicts: list[Poison] = field(default_factory=list)
    duplicates: int = 0
    restarted: list[str] = field(default_factory=list)


def score(
    metrics: Sequence[Metric],
    states: Mapping[str, SeriesState],
    known: Known,
    detectors: Detectors | None = None,
) -> Scored:
    """Judge a batch; `states` holds the series that are not new, `detectors` saves unpacking."""
    scored = Scored()
    for series, events in _by_series(_distinct(metrics, known, scored)).items():
        state = states.get(series)
        line = Line(state or SeriesState(series), detectors)
        scored.rows += [line.judge(metric) for metric in events]
        scored.alerts += line.alerts
        scored.begun += line.begun
        scored.continued += line.continued
        (scored.fresh if state is None else scored.changed).append(line.state())
        if line.restarted:
            scored.restarted.append(series)
    return scored


def in_order(metrics: Iterable[Metric]) -> list[Metric]:
    """The events in the order in which they are judged."""
    unplaced: list[Metric] = []
    partitions: defaultdict[tuple[str, str], list[tuple[int, Metric]]] = defaultdict(list)
    for metric in metrics:
        if metric.source is None:
            unplaced.append(metric)
        else:
            partitions[metric.source[:2]].append((metric.source.offset, metric))
    for events in partitions.values():
        # By the offset alone, so that a repeated place keeps the order of arrival.
        events.sort(key=lambda placed: placed[0])
    lines = [[metric for _, metric in partitions[name]] for name in sorted(partitions)]
    return [*heapq.merge(*lines, key=lambda metric: metric.time_ms), *unplaced]


def _distinct(metrics: Iterable[Metric], known: Known, scored: Scored) -> list[Metric]:
    contents, places = dict(known.contents), dict(known.places)
    distinct = []
    for metric in in_order(metrics):
        content = contents.get(metric.id)
        holder = None if metric.source is None else places.get(metric.source)
        if content == metric.content:
            scored.duplicates += 1
        elif content is not None:
            message = f"the id {metric.id!r} is known with other content: {content}"
            scored.conflicts.append(_conflict("id-conflict", message, metric))
        elif holder is not None:
            message = (
                f"its place {metric.source} is taken by the id {holder!r}: was the stream made"
                " anew under the same name?"
            )
            scored.conflicts.append(_conflict("place-conflict", message, metric))
        else:
            contents[metric.id] = metric.content
            if metric.source is not None:
                places[metric.source] = metric.id
            distinct.append(metric)
    return distinct


def _conflict(reason: str, message: str, metric: Metric) -> Poison:
    return Poison(reason, message, metric.source, metric.data, metric.series.encode())


def _by_series(metrics: Iterable[Metric]) -> dict[str, list[Metric]]:
    """In an order that is the same for every batch, so that two cannot lock each other out."""
    found: defaultdict[str, list[Metric]] = defaultdict(list)
    for metric in metrics:
        found[metric.series].append(metric)
    return {series: found[series] for series in sorted(found)}
