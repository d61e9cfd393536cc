"""How functions do, from CloudWatch: calls and errors from Lambda's metrics, cold starts from logs.

Lambda has no metric of init durations; they stand in the REPORT line of each cold start. So the
lines are asked for with Logs Insights. Functions that share a log group cannot be told apart in it:
their cold starts count as those of the first of them, before a change as after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from millrace.errors import Unavailable
from millrace.lambda_layers.aws import Gone, LambdaAccount, Maker
from millrace.lambda_layers.gate import Health
from millrace.plans.plan import Step

MAKERS: Mapping[str, Maker] = {
    "cloudwatch": lambda session, **where: session.client("cloudwatch", **where),
    "logs": lambda session, **where: session.client("logs", **where),
}
_METRICS = ("Invocations", "Errors")
# A request takes 500 metrics, a query of Logs Insights 50 groups and 10,000 lines.
_BY_METRICS = 500 // len(_METRICS)
_BY_LOGS = 50
_LINES = 10_000
_QUERY = (
    f"fields @log, @message | filter @message like /Init Duration|initDurationMs/ | limit {_LINES}"
)
_INIT = re.compile(r"(?:\bInit Duration: |\"initDurationMs\":\s*)(\d+(?:\.\d+)?)")
_POLL_S = 0.5
_LONGEST_S = 120.0


@dataclass(slots=True)
class CloudWatch:
    """Metrics and logs of one account's functions."""

    cloud: LambdaAccount
    sleep: Callable[[float], None]

    def health(
        self, functions: Sequence[Step], start_ms: int, end_ms: int, *, inits: bool
    ) -> Mapping[str, Health]:
        """See Evidence."""
        found: dict[str, Health] = {}
        by_region: dict[str, list[Step]] = {}
        for step in functions:
            by_region.setdefault(step.region, []).append(step)
        for region, steps in by_region.items():
            names = [step.arguments["function"] for step in steps]
            counts = self._counts(region, names, start_ms, end_ms)
            slow = self._inits(region, steps, start_ms, end_ms) if inits else {}
            for step, name in zip(steps, names, strict=True):
                invocations, errors = (counts.get((name, metric), 0) for metric in _METRICS)
                found[step.target] = Health(invocations, errors, tuple(slow.get(name, ())))
        return found

    def _counts(
        self, region: str, names: Sequence[str], start_ms: int, end_ms: int
    ) -> dict[tuple[str, str], int]:
        # Whole periods: what lies before a change must not count as after it.
        period = 60 if end_ms - start_ms <= 3 * 3_600_000 else 300
        start_s = -(-start_ms // 1000 // period) * period
        end_s = end_ms // 1000 // period * period
        found: dict[tuple[str, str], int] = {}
        if start_s >= end_s:
            return found
        for place in range(0, len(names), _BY_METRICS):
            queries = dict(_queries(names[place : place + _BY_METRICS], period))
            members = {
                "MetricDataQueries": [query for _, query in queries.values()],
                "StartTime": start_s,
                "EndTime": end_s,
            }
            for row in self._rows(region, members):
                what = queries[row["Id"]][0]
                found[what] = found.get(what, 0) + round(sum(row.get("Values", ())))
        return found

    def _rows(self, region: str, members: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            answer = self.cloud.call("cloudwatch:GetMetricData", region, {**members, **token})
            yield from answer["MetricDataResults"]
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def _inits(
        self, region: str, steps: Sequence[Step], start_ms: int, end_ms: int
    ) -> dict[str, list[float]]:
        names: dict[str, str] = {}
        for step in steps:
            names.setdefault(step.arguments["log_group"], step.arguments["function"])
        found: dict[str, list[float]] = {}
        groups = list(names)
        for place in range(0, len(groups), _BY_LOGS):
            for row in self._lines(region, groups[place : place + _BY_LOGS], start_ms, end_ms):
                init = _INIT.search(row.get("@message", ""))
                name = names.get(row.get("@log", "").rpartition(":")[2])
                if init is not None and name is not None:
                    found.setdefault(name, []).append(float(init[1]))
        return found

    def _lines(
        self, region: str, groups: Sequence[str], start_ms: int, end_ms: int
    ) -> Iterator[dict[str, str]]:
        """The REPORT lines with an init in these groups; a group that is not there has none."""
        members = {
            "logGroupNames": list(groups),
            "startTime": -(-start_ms // 1000),
            "endTime": end_ms // 1000,
            "queryString": _QUERY,
            "limit": _LINES,
        }
        try:
            query = self.cloud.call("logs:StartQuery", region, members)["queryId"]
        except Gone:
            half = len(groups) // 2
            # One that is missing spoils a query: the others are asked by halves.
            for some in (groups[:half], groups[half:]) if half else ():
                yield from self._lines(region, some, start_ms, end_ms)
            return
        for row in self._answer(region, query):
            yield {one["field"]: one["value"] for one in row}

    def _answer(self, region: str, query: str) -> Sequence[Sequence[Mapping[str, str]]]:
        waited = 0.0
        while waited < _LONGEST_S:
            answer = self.cloud.call("logs:GetQueryResults", region, {"queryId": query})
            if answer["status"] == "Complete":
                rows: Sequence[Sequence[Mapping[str, str]]] = answer["results"]
                return rows
            if answer["status"] not in ("Scheduled", "Running"):
                break
            self.sleep(_POLL_S)
            waited += _POLL_S
        raise Unavailable(
            f"Logs Insights in {region} did not answer a query of cold starts ({answer['status']})."
            " Go on later: millrace layers rollout resume; or judge errors only: --min-inits 0"
        )


def _queries(
    names: Sequence[str], period_s: int
) -> Iterator[tuple[str, tuple[tuple[str, str], dict[str, Any]]]]:
    """Queries by their ids, each with the function and the metric that it is for."""
    pairs = [(name, metric) for name in names for metric in _METRICS]
    for number, (name, metric) in enumerate(pairs):
        stat = {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": name}],
            },
            "Period": period_s,
            "Stat": "Sum",
        }
        yield f"m{number}", ((name, metric), {"Id": f"m{number}", "MetricStat": stat})
