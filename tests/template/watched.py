"""What alarms and dashboard look at: metrics by namespace, name and dimensions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.template.reading import present


class Watched(NamedTuple):
    """A metric, and where it is looked at."""

    where: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def alarms(overrides: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Properties of the alarms that there are with these parameters."""
    found = present(overrides).items()
    return {
        name: body["Properties"] for name, body in found if body["Type"] == "AWS::CloudWatch::Alarm"
    }


def dashboard(overrides: Mapping[str, str]) -> list[dict[str, Any]]:
    """The widgets of the dashboard."""
    body = present(overrides)["MillraceDashboard"]["Properties"]["DashboardBody"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def watched(overrides: Mapping[str, str]) -> Iterator[Watched]:
    """Every metric that an alarm or the dashboard names."""
    for name, alarm in alarms(overrides).items():
        stats = [item["MetricStat"] for item in alarm.get("Metrics", []) if "MetricStat" in item]
        for metric in [stat["Metric"] for stat in stats] or [alarm]:
            dimensions = tuple((item["Name"], item["Value"]) for item in metric["Dimensions"])
            yield Watched(name, metric["Namespace"], metric["MetricName"], dimensions)
    for widget in dashboard(overrides):
        if widget["type"] == "metric":
            yield from _drawn(widget["properties"])


def _drawn(properties: Mapping[str, Any]) -> Iterator[Watched]:
    before: list[str] = []
    for row in properties["metrics"]:
        before = _spelt_out([item for item in row if isinstance(item, str)], before)
        namespace, name, *rest = before
        pairs = tuple(zip(rest[::2], rest[1::2], strict=True))
        yield Watched(properties["title"], namespace, name, pairs)


def _spelt_out(row: list[str], before: list[str]) -> list[str]:
    """A row without the dashboard's short hand: a dot is what stands above it, three all of it."""
    if row[0] == "...":
        rest = row[1:]
        return before[: len(before) - len(rest)] + rest
    return [before[index] if item == "." else item for index, item in enumerate(row)]
