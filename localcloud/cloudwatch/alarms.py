"""Alarms: what PutMetricAlarm was given, and the state that the metrics put them in.

As CloudWatch evaluates them: `EvaluationPeriods` values, one a period; the alarm rings when
`DatapointsToAlarm` of them breach the threshold; missing values count as `TreatMissingData` says.
Unlike there the last period ends now, not at the last full minute, so that a local run need not
wait; and no older values are looked at in the place of missing ones.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.cloudwatch.expressions import Expression, Value
from localcloud.cloudwatch.metrics import Metric, MetricStore, is_statistic

_COMPARISONS: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "GreaterThanThreshold": (">", operator.gt),
    "GreaterThanOrEqualToThreshold": (">=", operator.ge),
    "LessThanThreshold": ("<", operator.lt),
    "LessThanOrEqualToThreshold": ("<=", operator.le),
}
_MISSING: Final = frozenset({"breaching", "ignore", "missing", "notBreaching"})
_ONLY: Final = "value"


class State(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Stat:
    """A statistic of a metric over a period."""

    metric: Metric
    statistic: str
    period_s: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm. `watched` is the id of the query that is compared; the others feed it."""

    name: str
    arn: str
    description: str
    queries: Mapping[str, Stat | Expression]
    watched: str
    comparison: str
    threshold: float
    periods: int
    to_alarm: int
    missing: str
    actions: Mapping[State, tuple[str, ...]]

    @classmethod
    def from_request(cls, arn: str, request: Mapping[str, Any]) -> Alarm:
        """Read PutMetricAlarm's parameters.

        Raises UnsupportedResource for an alarm that cannot be evaluated here, ConfigurationError
        for one that CloudWatch would refuse.
        """
        name = request["AlarmName"]
        queries, watched = _queries(name, request)
        comparison = str(request.get("ComparisonOperator"))
        if comparison not in _COMPARISONS or "Threshold" not in request:
            raise _unsupported(name, f"ComparisonOperator {comparison} and no fixed threshold")
        missing = request.get("TreatMissingData", "missing")
        if missing not in _MISSING:
            raise _wrong(name, "TreatMissingData", missing, f"one of {', '.join(sorted(_MISSING))}")
        periods = int(request["EvaluationPeriods"])
        to_alarm = int(request.get("DatapointsToAlarm", periods))
        if not 1 <= to_alarm <= periods:
            raise _wrong(name, "DatapointsToAlarm", to_alarm, f"from 1 to {periods}")
        return cls(
            name,
            arn,
            request.get("AlarmDescription", ""),
            queries,
            watched,
            comparison,
            float(request["Threshold"]),
            periods,
            to_alarm,
            missing,
            _actions(request),
        )

    @property
    def period_s(self) -> int:
        """The length of a period."""
        return max(query.period_s for query in self.queries.values() if isinstance(query, Stat))

    def breaches(self, value: float) -> bool:
        """Whether a value is beyond the threshold."""
        return _COMPARISONS[self.comparison][1](value, self.threshold)

    @property
    def condition(self) -> str:
        """When it rings, for people."""
        within = f"{self.to_alarm} of {self.periods} periods of {self.period_s} s"
        return f"{_COMPARISONS[self.comparison][0]} {self.threshold:g} in {within}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the metrics say: the state, why, and the latest value (None: there is none)."""

    state: State
    reason: str
    value: Value


def evaluate(alarm: Alarm, store: MetricStore, now_ms: int, current: State) -> Verdict:
    """The state of an alarm now, when it is in `current`."""
    length_ms = alarm.period_s * 1000
    values = [
        _value(alarm, store, now_ms - back * length_ms, length_ms) for back in range(alarm.periods)
    ]
    there = [value for value in values if value is not None]
    if not there and alarm.missing in ("ignore", "missing"):
        kept = current if alarm.missing == "ignore" else State.INSUFFICIENT_DATA
        return Verdict(kept, f"no data; it rings at {alarm.condition}", None)
    breaching = sum(alarm.breaches(value) for value in there)
    if alarm.missing == "breaching":
        breaching += len(values) - len(there)
    state = State.ALARM if breaching >= alarm.to_alarm else State.OK
    shown = ", ".join("-" if value is None else f"{value:g}" for value in values)
    reason = f"the latest values are {shown} (newest first); it rings at {alarm.condition}"
    return Verdict(state, reason, values[0])


def _value(alarm: Alarm, store: MetricStore, end_ms: int, length_ms: int) -> Value:
    known: dict[str, Value] = {}
    for name, query in alarm.queries.items():
        if isinstance(query, Stat):
            found = store.window(query.metric, end_ms, length_ms)
            known[name] = found.statistic(query.statistic) if found is not None else None
    return _resolve(alarm, alarm.watched, known)


def _resolve(alarm: Alarm, name: str, known: dict[str, Value]) -> Value:
    """The value of a query; an expression may refer to others."""
    query = alarm.queries[name]
    if isinstance(query, Expression) and name not in known:
        known[name] = query.value({each: _resolve(alarm, each, known) for each in query.names})
    return known[name]


def _queries(name: str, request: Mapping[str, Any]) -> tuple[Mapping[str, Stat | Expression], str]:
    if "Metrics" not in request:
        statistic = request.get("Statistic") or request.get("ExtendedStatistic") or ""
        metric = {key: request.get(key) for key in ("Namespace", "MetricName", "Dimensions")}
        return {_ONLY: _stat(name, metric, statistic, request.get("Period", 60))}, _ONLY
    queries: dict[str, Stat | Expression] = {}
    watched = []
    for query in request["Metrics"]:
        if query.get("ReturnData", True):
            watched.append(query["Id"])
        if "Expression" in query:
            queries[query["Id"]] = Expression.parse(query["Expression"])
            continue
        stat = query["MetricStat"]
        queries[query["Id"]] = _stat(name, stat["Metric"], stat["Stat"], stat["Period"])
    if len(watched) != 1:
        raise _wrong(name, "ReturnData", watched, "true for one of the Metrics only")
    _check_references(name, queries)
    return queries, watched[0]


def _check_references(name: str, queries: Mapping[str, Stat | Expression]) -> None:
    """Every id must be there, none may need itself, and a figure must come of some metric."""
    needs = {
        query_id: query.names if isinstance(query, Expression) else frozenset()
        for query_id, query in queries.items()
    }
    for query_id, names in needs.items():
        if not names <= set(queries):
            raise _wrong(name, "Metrics", sorted(queries), f"all ids that {query_id} refers to")
    try:
        tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise _wrong(name, "Metrics", error.args[1], "no circle") from error
    if not any(isinstance(query, Stat) for query in queries.values()):
        raise _wrong(name, "Metrics", sorted(queries), "at least one metric")


def _stat(name: str, metric: Mapping[str, Any], statistic: str, period_s: int) -> Stat:
    if not is_statistic(statistic):
        raise _unsupported(name, f"the statistic {statistic!r}")
    dimensions = frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions") or ())
    return Stat(Metric(metric["Namespace"], metric["MetricName"], dimensions), statistic, period_s)


def _actions(request: Mapping[str, Any]) -> Mapping[State, tuple[str, ...]]:
    if not request.get("ActionsEnabled", True):
        return {}
    return {
        State.ALARM: tuple(request.get("AlarmActions", ())),
        State.OK: tuple(request.get("OKActions", ())),
        State.INSUFFICIENT_DATA: tuple(request.get("InsufficientDataActions", ())),
    }


def _unsupported(name: str, what: str) -> UnsupportedResource:
    return UnsupportedResource(f"Alarm {name}: the local cloud cannot evaluate {what}.")


def _wrong(name: str, key: str, value: object, expected: str) -> ConfigurationError:
    return ConfigurationError(f"Alarm {name}: {key} is {value!r}; it must be {expected}.")
