"""Metrics in log lines: the embedded metric format, as CloudWatch Logs reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from localcloud.cloudwatch.metrics import Metric

# Seen in every line that holds metrics, and in hardly any other: others need not be parsed.
_MARK = '"CloudWatchMetrics"'


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one metric in a line."""

    metric: Metric
    values: tuple[float, ...]
    unit: str


def read_line(text: str) -> list[Sample]:
    """The metrics in a log line; none in a line that holds none, or not in the format's shape."""
    if _MARK not in text or not text.startswith("{"):
        return []
    try:
        content = orjson.loads(text)
        return list(_samples(content))
    except (ValueError, KeyError, TypeError, AttributeError):
        return []  # CloudWatch Logs takes such a line for text, too


def _samples(content: Mapping[str, Any]) -> Iterator[Sample]:
    for directive in content["_aws"]["CloudWatchMetrics"]:
        # Each list of names is a metric of its own; without any there is one without dimensions.
        for names in directive.get("Dimensions") or [[]]:
            dimensions = frozenset((name, str(content[name])) for name in names)
            for definition in directive["Metrics"]:
                metric = Metric(directive["Namespace"], definition["Name"], dimensions)
                value = content[definition["Name"]]
                values = value if isinstance(value, list) else [value]
                yield Sample(metric, tuple(map(float, values)), definition.get("Unit", "None"))
