"""Alarms: read from requests, evaluated over windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.cloudwatch.alarms import Alarm, State, Verdict, evaluate
from localcloud.cloudwatch.metrics import Metric, MetricStore

NOW = 1_704_153_600_000
ERRORS = Metric.of("AWS/Lambda", "Errors", FunctionName="work")
SIMPLE: Mapping[str, Any] = {
    "AlarmName": "errors",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "FunctionName", "Value": "work"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
SHARE: Mapping[str, Any] = {
    "AlarmName": "share",
    "EvaluationPeriods": 1,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Metrics": [
        {"Id": "figure", "Expression": "100 * share", "ReturnData": True},
        {"Id": "share", "Expression": "errors / calls", "ReturnData": False},
        *(
            {
                "Id": name.lower(),
                "ReturnData": False,
                "MetricStat": {
                    "Metric": {"Namespace": "X", "MetricName": name},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for name in ("Errors", "Calls")
        ),
    ],
}


def alarm(base: Mapping[str, Any] = SIMPLE, **changes: Any) -> Alarm:
    request = {key: value for key, value in {**base, **changes}.items() if value is not None}
    return Alarm.from_request(f"arn:{request['AlarmName']}", request)


def store(*minutes: float | None, metric: Metric = ERRORS) -> MetricStore:
    """Values minute by minute, the newest first; None is a minute without."""
    found = MetricStore()
    for back, value in reversed(list(enumerate(minutes))):
        if value is not None:
            found.add(metric, value, NOW - back * 60_000)
    return found


def state(
    of: Alarm, *minutes: float | None, current: State = State.OK, metric: Metric = ERRORS
) -> State:
    return evaluate(of, store(*minutes, metric=metric), NOW, current).state


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((0, 0, 0), State.OK),
        ((1, 0, 0), State.OK),
        ((1, 0, 1), State.ALARM),
        ((1, 1, 1), State.ALARM),
        ((1, None, 1), State.ALARM),
        ((0, 0, 0, 1, 1), State.OK),
        ((), State.OK),
    ],
)
def test_so_many_of_so_many_periods(minutes: tuple[float | None, ...], expected: State) -> None:
    assert state(alarm(), *minutes) is expected


@pytest.mark.parametrize(
    ("treat", "current", "expected"),
    [
        ("notBreaching", State.ALARM, State.OK),
        ("breaching", State.OK, State.ALARM),
        ("ignore", State.ALARM, State.ALARM),
        ("ignore", State.OK, State.OK),
        ("missing", State.OK, State.INSUFFICIENT_DATA),
        (None, State.ALARM, State.INSUFFICIENT_DATA),
    ],
)
def test_without_any_data(treat: str | None, current: State, expected: State) -> None:
    assert state(alarm(TreatMissingData=treat), current=current) is expected


def test_missing_values_beside_others() -> None:
    assert state(alarm(TreatMissingData="breaching"), 0, None, None) is State.ALARM
    assert state(alarm(TreatMissingData="missing"), 1, None, None) is State.OK
    assert state(alarm(TreatMissingData="missing"), 0, None, None) is State.OK


@pytest.mark.parametrize(
    ("comparison", "value", "rings"),
    [
        ("GreaterThanThreshold", 5, False),
        ("GreaterThanThreshold", 5.1, True),
        ("GreaterThanOrEqualToThreshold", 5, True),
        ("LessThanThreshold", 5, False),
        ("LessThanThreshold", 4.9, True),
        ("LessThanOrEqualToThreshold", 5, True),
    ],
)
def test_comparisons(comparison: str, value: float, rings: bool) -> None:
    once = {**SIMPLE, "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 5}
    found = alarm(once, ComparisonOperator=comparison)
    assert (state(found, value) is State.ALARM) is rings


def test_a_percentile() -> None:
    found = alarm(Statistic=None, ExtendedStatistic="p50", Threshold=5, DatapointsToAlarm=1)
    values = MetricStore()
    for value in (1, 9, 9):
        values.add(ERRORS, value, NOW)
    assert evaluate(found, values, NOW, State.OK).state is State.ALARM


def test_expressions_may_build_on_each_other() -> None:
    found = alarm(SHARE)
    assert (found.watched, found.period_s) == ("figure", 60)
    values = MetricStore()
    values.add(Metric.of("X", "Calls"), 20, NOW)
    values.add(Metric.of("X", "Errors"), 1, NOW)
    assert evaluate(found, values, NOW, State.OK) == Verdict(
        State.OK,
        "the latest values are 5 (newest first); it rings at >= 10 in 1 of 1 periods of 60 s",
        5.0,
    )
    values.add(Metric.of("X", "Errors"), 1, NOW)
    assert evaluate(found, values, NOW, State.OK).state is State.ALARM
    assert evaluate(found, MetricStore(), NOW, State.OK).state is State.INSUFFICIENT_DATA


def metrics_with(index: int, **changes: Any) -> list[dict[str, Any]]:
    metrics = [dict(query) for query in SHARE["Metrics"]]
    metrics[index] |= changes
    return metrics


@pytest.mark.parametrize(
    ("base", "changes", "message"),
    [
        (SIMPLE, {"Statistic": "tm99"}, "cannot evaluate the statistic 'tm99'"),
        (SIMPLE, {"ComparisonOperator": "LessThanLowerThreshold"}, "LessThanLowerThreshold"),
        (SIMPLE, {"Threshold": None}, "no fixed threshold"),
        (SIMPLE, {"TreatMissingData": "maybe"}, "TreatMissingData is 'maybe'; it must be one of"),
        (SIMPLE, {"DatapointsToAlarm": 4}, "DatapointsToAlarm is 4; it must be from 1 to 3"),
        (SHARE, {"Metrics": metrics_with(1, ReturnData=True)}, "true for one of the Metrics only"),
        (SHARE, {"Metrics": metrics_with(0, Expression="gone")}, "all ids that figure refers to"),
        (SHARE, {"Metrics": metrics_with(1, Expression="figure")}, "no circle"),
        (SHARE, {"Metrics": [{"Id": "one", "Expression": "1"}]}, "at least one metric"),
    ],
)
def test_an_alarm_that_cannot_be_evaluated(
    base: Mapping[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        alarm(base, **changes)


def test_an_alarm_whose_actions_are_off_has_none() -> None:
    assert alarm(AlarmActions=["arn:aws:sns:x:1:t"]).actions[State.ALARM] == ("arn:aws:sns:x:1:t",)
    assert alarm(AlarmActions=["arn:aws:sns:x:1:t"], ActionsEnabled=False).actions == {}
