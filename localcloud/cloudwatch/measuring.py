"""What AWS's services report of themselves, counted where the local cloud's calls go by.

Names, dimensions and units are those of the services' own metrics, as far as the alarms and the
dashboard of template.yaml ask for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from millrace.errors import Unavailable

from localcloud.cloudwatch.emf import read_line
from localcloud.cloudwatch.metrics import Metric, MetricStore
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.counters import Counters
from localcloud.functions.logs import LineSink, LogLine
from localcloud.gateway.recognition import Call
from localcloud.http_api.application import Served
from localcloud.ports import Clock, Invocation, Invoker
from localcloud.sagemaker.endpoints import Invocation as EndpointInvocation

_COUNT: Final = "Count"
_MS: Final = "Milliseconds"
_LAMBDA: Final = "AWS/Lambda"
_THROTTLES: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
_READS: Final = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
_TABLE: Final = re.compile(rb'"TableName"\s*:\s*"([^"]+)"|"RequestItems"\s*:\s*\{\s*"([^"]+)"')
_STREAM: Final = re.compile(rb'"StreamName"\s*:\s*"([^"]+)"|:stream/([\w.-]+)')


@dataclass(slots=True)
class Measured:
    """Where everything is counted. `aliases` are the qualifiers of each function."""

    store: MetricStore
    clock: Clock
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def add(self, metric: Metric, value: float, unit: str = _COUNT) -> None:
        """Count a value now."""
        self.store.add(metric, value, self.clock.now_ms(), unit)

    def lines(self, then: LineSink | None) -> LineSink:
        """A sink for the functions' log lines that takes metrics out of them, and hands all on."""

        def see(line: LogLine) -> None:
            for sample in read_line(line.text):
                for value in sample.values:
                    self.add(sample.metric, value, sample.unit)
            if then is not None:
                then(line)

        return see

    def function(self, name: str, invocation: Invocation | None) -> None:
        """An invocation of a function; None was throttled."""
        for dimensions in self._function_dimensions(name):
            metric = Metric(_LAMBDA, "Throttles", dimensions)
            self.add(metric, float(invocation is None))
            if invocation is not None:
                self.add(Metric(_LAMBDA, "Invocations", dimensions), 1)
                self.add(Metric(_LAMBDA, "Errors", dimensions), float(invocation.error is not None))
                self.add(Metric(_LAMBDA, "Duration", dimensions), invocation.duration_ms, _MS)

    def _function_dimensions(self, name: str) -> list[frozenset[tuple[str, str]]]:
        own = ("FunctionName", name)
        names = (f"{name}:{alias}" for alias in self.aliases.get(name, ()))
        return [frozenset({own}), *(frozenset({own, ("Resource", each)}) for each in names)]

    def endpoint(self, seen: EndpointInvocation) -> None:
        """An invocation of an endpoint's variant."""
        of = {"EndpointName": seen.endpoint, "VariantName": seen.variant}
        for name, value in (
            ("Invocations", 1.0),
            ("Invocation4XXErrors", float(400 <= seen.status < 500)),
            ("Invocation5XXErrors", float(seen.status >= 500)),
        ):
            self.add(Metric.of("AWS/SageMaker", name, **of), value)
        latency = Metric.of("AWS/SageMaker", "ModelLatency", **of)
        self.add(latency, seen.latency_ms * 1000, "Microseconds")

    def http_api(self, api_id: str) -> Callable[[Served], None]:
        """What counts the requests of an HTTP API."""

        def count(served: Served) -> None:
            for name, value in (
                ("Count", 1.0),
                ("4xx", float(400 <= served.status < 500)),
                ("5xx", float(served.status >= 500)),
            ):
                self.add(Metric.of("AWS/ApiGateway", name, ApiId=api_id), value)
            self.add(Metric.of("AWS/ApiGateway", "Latency", ApiId=api_id), served.latency_ms, _MS)

        return count

    def refused(self, call: Call, error: str, status: int, body: bytes) -> None:
        """A call of a service that was answered with an error, injected ones included."""
        if call.service == "dynamodb" and (table := _first(_TABLE, body)) is not None:
            self._dynamodb(call.operation, table, error, status)
        elif call.service == "kinesis" and error == "ProvisionedThroughputExceededException":
            stream = _first(_STREAM, body) or "unknown"
            way = "Write" if call.operation.startswith("Put") else "Read"
            name = f"{way}ProvisionedThroughputExceeded"
            self.add(Metric.of("AWS/Kinesis", name, StreamName=stream), 1)

    def _dynamodb(self, operation: str, table: str, error: str, status: int) -> None:
        of = {"TableName": table, "Operation": operation}
        if error in _THROTTLES:
            way = "Read" if operation in _READS else "Write"
            self.add(Metric.of("AWS/DynamoDB", f"{way}ThrottleEvents", TableName=table), 1)
            self.add(Metric.of("AWS/DynamoDB", "ThrottledRequests", **of), 1)
        elif status >= 500:
            self.add(Metric.of("AWS/DynamoDB", "SystemErrors", **of), 1)


@dataclass(frozen=True, slots=True)
class MeasuredInvoker:
    """Invokes functions, and counts how that went."""

    invoker: Invoker
    measured: Measured

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        """See `localcloud.ports.Invoker`."""
        try:
            invocation = await self.invoker.invoke(function, payload)
        except Unavailable:
            self.measured.function(function, None)
            raise
        self.measured.function(function, invocation)
        return invocation


class Counted(Protocol):
    """An event source mapping, as far as its numbers go."""

    config: MappingConfig

    def snapshot(self) -> Counters:
        """The counters as they are now."""
        ...


@dataclass(slots=True)
class MappingSampler:
    """Takes the event source mappings' own counters into account, round by round."""

    mappings: Sequence[Counted]
    measured: Measured
    _before: dict[str, Counters] = field(default_factory=dict)

    def __call__(self, now_ms: int) -> None:
        """Count what has happened since the last call."""
        for mapping in self.mappings:
            after = mapping.snapshot()
            before = self._before.get(mapping.config.uuid, Counters())
            self._before[mapping.config.uuid] = after
            self._sample(mapping, before, after)

    def _sample(self, mapping: Counted, before: Counters, after: Counters) -> None:
        config, add = mapping.config, self.measured.add
        function = config.function_name
        if after.invocations > before.invocations:
            age = Metric.of(_LAMBDA, "IteratorAge", FunctionName=function)
            add(age, after.iterator_age_ms, _MS)
        if (given_up := after.given_up - before.given_up) > 0:
            kept = config.on_failure_arn is not None
            name = "OnFailureDestinationDeliveredEventCount" if kept else "DroppedEventCount"
            add(Metric.of(_LAMBDA, name, EventSourceMappingUUID=config.uuid), given_up)
        if (failures := after.destination_failures - before.destination_failures) > 0:
            name = "DestinationDeliveryFailures"
            add(Metric.of(_LAMBDA, name, FunctionName=function), failures)


def _first(pattern: re.Pattern[bytes], body: bytes) -> str | None:
    found = pattern.search(body)
    return (found[1] or found[2]).decode("utf-8", "replace") if found else None
