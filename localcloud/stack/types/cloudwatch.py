"""CloudWatch alarms and dashboards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from millrace.errors import ConfigurationError

from localcloud.stack.model import AlarmResource
from localcloud.stack.properties import Properties
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_TEXTS = (
    "AlarmDescription",
    "ComparisonOperator",
    "EvaluateLowSampleCountPercentile",
    "ExtendedStatistic",
    "MetricName",
    "Namespace",
    "Statistic",
    "TreatMissingData",
    "Unit",
)
_INTEGERS = ("DatapointsToAlarm", "EvaluationPeriods", "Period")
_ACTIONS = ("AlarmActions", "InsufficientDataActions", "OKActions")


def _make_alarm(creation: Creation) -> Made:
    properties = creation.properties
    name = creation.name("AlarmName", 255)
    request: dict[str, Any] = {"AlarmName": name, **_actions(properties)}
    request |= {key: properties.text(key) for key in _TEXTS if key in properties}
    request |= {key: properties.integer(key) for key in _INTEGERS if key in properties}
    if "Dimensions" in properties:
        request["Dimensions"] = properties.items("Dimensions")
    if "Metrics" in properties:
        where = f"{properties.where}.Metrics"
        request["Metrics"] = [
            _metric(Properties(item, where)) for item in properties.items("Metrics")
        ]
    if "Threshold" in properties:
        request["Threshold"] = properties.number("Threshold")
    creation.aws.call("cloudwatch", "put_metric_alarm", **request)
    return _made(creation, name, request)


def _actions(properties: Properties) -> dict[str, Any]:
    request: dict[str, Any] = {key: properties.items(key) for key in _ACTIONS if key in properties}
    if "ActionsEnabled" in properties:
        request["ActionsEnabled"] = properties.boolean("ActionsEnabled")
    return request


def _metric(given: Properties) -> dict[str, Any]:
    """A query of a metric math alarm, its numbers as numbers."""
    query: dict[str, Any] = {"Id": given.text("Id")}
    query |= {key: given.text(key) for key in ("Expression", "Label") if key in given}
    query["ReturnData"] = given.boolean("ReturnData", default=True)
    if "Period" in given:
        query["Period"] = given.integer("Period")
    if "MetricStat" in given:
        stat = given.nested("MetricStat")
        query["MetricStat"] = {
            "Metric": stat.mapping("Metric"),
            "Period": stat.integer("Period"),
            "Stat": stat.text("Stat"),
        }
        if "Unit" in stat:
            query["MetricStat"]["Unit"] = stat.text("Unit")
        stat.done()
    given.done()
    return query


def _made(creation: Creation, name: str, request: Mapping[str, Any]) -> Made:
    arn = creation.place.arn("cloudwatch", f"alarm:{name}")
    return Made(
        ref=name,
        attributes={"Arn": arn},
        detail=AlarmResource(creation.logical_id, name, arn, request),
        undo=lambda aws: aws.call("cloudwatch", "delete_alarms", AlarmNames=[name]),
    )


def _make_dashboard(creation: Creation) -> Made:
    name = creation.name("DashboardName", 255)
    body = creation.properties.text("DashboardBody")
    try:
        json.loads(body)
    except ValueError as error:
        raise ConfigurationError(
            f"{creation.properties.where}: DashboardBody is not JSON: {error}"
        ) from error
    creation.aws.call("cloudwatch", "put_dashboard", DashboardName=name, DashboardBody=body)
    return Made(
        ref=name,
        undo=lambda aws: aws.call("cloudwatch", "delete_dashboards", DashboardNames=[name]),
    )


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::CloudWatch::Alarm": ResourceType(
        _make_alarm, "an alarm of the emulator, evaluated every few seconds", TAGS
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(_make_dashboard, "a dashboard of the emulator"),
}
