"""CloudWatch alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_TEXTS = (
    "AlarmDescription",
    "ComparisonOperator",
    "ExtendedStatistic",
    "MetricName",
    "Namespace",
    "Statistic",
    "TreatMissingData",
    "Unit",
)
_INTEGERS = ("DatapointsToAlarm", "EvaluationPeriods", "Period")
_LISTS = ("AlarmActions", "Dimensions", "InsufficientDataActions", "Metrics", "OKActions")


def _make_alarm(creation: Creation) -> Made:
    properties = creation.properties
    name = creation.name("AlarmName", 255)
    request: dict[str, Any] = {"AlarmName": name}
    request |= {key: properties.text(key) for key in _TEXTS if key in properties}
    request |= {key: properties.integer(key) for key in _INTEGERS if key in properties}
    request |= {key: properties.items(key) for key in _LISTS if key in properties}
    if "Threshold" in properties:
        request["Threshold"] = properties.number("Threshold")
    if "ActionsEnabled" in properties:
        request["ActionsEnabled"] = properties.boolean("ActionsEnabled")
    creation.aws.call("cloudwatch", "put_metric_alarm", **request)
    return Made(
        ref=name,
        attributes={"Arn": creation.place.arn("cloudwatch", f"alarm:{name}")},
        undo=lambda aws: aws.call("cloudwatch", "delete_alarms", AlarmNames=[name]),
    )


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::CloudWatch::Alarm": ResourceType(_make_alarm, "an alarm of the emulator", TAGS)
}
