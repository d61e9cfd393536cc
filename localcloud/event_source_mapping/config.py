"""What a mapping is told: the properties of AWS::Lambda::EventSourceMapping, checked and typed.

Ranges and defaults are those of the Lambda developer guide, "Lambda parameters for Amazon Kinesis
Data Streams event source mappings". A property that this mapping cannot honour is refused by name,
never ignored.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from millrace.errors import ConfigurationError, UnsupportedResource

RESOURCE = "AWS::Lambda::EventSourceMapping"

HONOURED = frozenset(
    {
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "Enabled",
        "EventSourceArn",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "StartingPosition",
        "StartingPositionTimestamp",
        "Tags",
    }
)
REFUSED = {
    "FilterCriteria": "filter in the function instead",
    "TumblingWindowInSeconds": "keep windows in the function's own state instead",
    "KmsKeyArn": "it only encrypts filter criteria, which are refused too",
    "LoggingConfig": "remove it for the local cloud",
    "MetricsConfig": "the mapping's counters are always on here; remove it",
    "ProvisionedPollerConfig": "it belongs to Kafka and SQS",
    "ScalingConfig": "it belongs to SQS",
    "Queues": "it belongs to Amazon MQ",
    "Topics": "it belongs to Kafka",
    "SelfManagedEventSource": "it belongs to Kafka",
    "SelfManagedKafkaEventSourceConfig": "it belongs to Kafka",
    "AmazonManagedKafkaEventSourceConfig": "it belongs to Kafka",
    "DocumentDBEventSourceConfig": "it belongs to DocumentDB",
    "SourceAccessConfigurations": "it belongs to Kafka and Amazon MQ",
}

_SOURCE = re.compile(
    r"(?P<stream>arn:(?P<partition>aws[\w-]*):kinesis:(?P<region>[\w-]+):(?P<account>\d{12})"
    r":stream/[\w.-]+)(?:/consumer/[\w.-]+:\d+)?"
)
_FUNCTION = re.compile(
    r"(?:arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:)?(?P<name>[\w-]{1,64})(?::(?P<version>[\w$-]+))?"
)


class StartingPosition(StrEnum):
    """Where a mapping that is new to a stream begins."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"
    AT_TIMESTAMP = "AT_TIMESTAMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingConfig:
    """One mapping. -1 means "without end" for `max_retries` and `max_record_age_s`, as in Lambda.

    `event_source_arn` is the stream's ARN, or the ARN of one of its enhanced fan-out consumers.
    """

    uuid: str
    function_name: str
    function_arn: str
    stream_arn: str
    event_source_arn: str
    starting_position: StartingPosition = StartingPosition.TRIM_HORIZON
    starting_timestamp_ms: int = 0
    batch_size: int = 100
    batching_window_s: int = 0
    parallelization_factor: int = 1
    bisect_on_error: bool = False
    max_retries: int = -1
    max_record_age_s: int = -1
    report_item_failures: bool = False
    on_failure_arn: str | None = None
    enabled: bool = True

    @property
    def fan_out(self) -> bool:
        """Whether records are pushed (enhanced fan-out) instead of polled for."""
        return self.event_source_arn != self.stream_arn

    @property
    def region(self) -> str:
        """The stream's region."""
        return self.stream_arn.split(":")[3]

    @property
    def function_version(self) -> str:
        """The version or alias that is invoked, `$LATEST` unless the reference names one."""
        parts = self.function_arn.split(":")
        return parts[7] if len(parts) > 7 else "$LATEST"

    @classmethod
    def from_properties(
        cls, properties: Mapping[str, Any], *, identity: str | None = None
    ) -> MappingConfig:
        """Read CloudFormation properties, intrinsic functions already resolved.

        Numbers and truth values may be text, as template parameters are. Without `identity` the
        mapping's UUID is derived from its stream and function, so that it survives a restart.
        Raises UnsupportedResource for what cannot be honoured, ConfigurationError for bad values.
        """
        _refuse_unknown(properties)
        source, function = _source(properties), _function(properties)
        reference, arn = _text(properties, "FunctionName"), _text(properties, "EventSourceArn")
        position, timestamp_ms = _starting_position(properties)
        return cls(
            uuid=identity or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn} {reference}")),
            function_name=function["name"],
            function_arn=_function_arn(reference, source),
            stream_arn=source["stream"],
            event_source_arn=arn,
            starting_position=position,
            starting_timestamp_ms=timestamp_ms,
            batch_size=_integer(properties, "BatchSize", 100, 1, 10_000),
            batching_window_s=_integer(properties, "MaximumBatchingWindowInSeconds", 0, 0, 300),
            parallelization_factor=_integer(properties, "ParallelizationFactor", 1, 1, 10),
            bisect_on_error=_boolean(properties, "BisectBatchOnFunctionError", default=False),
            max_retries=_integer(properties, "MaximumRetryAttempts", -1, -1, 10_000),
            max_record_age_s=_record_age(properties),
            report_item_failures=_reports_item_failures(properties),
            on_failure_arn=_on_failure(properties),
            enabled=_boolean(properties, "Enabled", default=True),
        )


def _wrong(name: str, value: object, expected: str) -> ConfigurationError:
    return ConfigurationError(f"{RESOURCE}: {name} is {value!r}, but must be {expected}.")


def _refuse_unknown(properties: Mapping[str, Any]) -> None:
    for name, value in properties.items():
        if name in HONOURED or (name in REFUSED and value in (None, 0, "0", {}, [])):
            continue
        if name == "FilterCriteria" and not value.get("Filters"):
            continue
        if name in REFUSED:
            raise UnsupportedResource(
                f"{RESOURCE}: the local cloud does not honour {name}; {REFUSED[name]}."
            )
        raise UnsupportedResource(
            f"{RESOURCE}: {name} is not a property that the local cloud knows; it knows "
            f"{', '.join(sorted(HONOURED))}."
        )


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(name, value, "a text (resolve intrinsic functions first)")
    return value


def _integer(properties: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = properties.get(name, default)
    expected = f"a whole number from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _wrong(name, value, expected)
    try:
        number = int(value)
    except ValueError:
        raise _wrong(name, value, expected) from None
    if not low <= number <= high:
        raise _wrong(name, value, expected)
    return number


def _boolean(properties: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = properties.get(name, default)
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _wrong(name, value, "true or false")


def _source(properties: Mapping[str, Any]) -> dict[str, str]:
    arn = _text(properties, "EventSourceArn")
    match = _SOURCE.fullmatch(arn)
    if match is None:
        raise UnsupportedResource(
            f"{RESOURCE}: EventSourceArn is {arn!r}; the local cloud maps Kinesis streams only, "
            "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME with or without /consumer/NAME:TIME."
        )
    return match.groupdict()


def _function(properties: Mapping[str, Any]) -> dict[str, str]:
    reference = _text(properties, "FunctionName")
    match = _FUNCTION.fullmatch(reference)
    if match is None:
        raise _wrong("FunctionName", reference, "a function's name or ARN, with or without :ALIAS")
    return match.groupdict()


def _function_arn(reference: str, source: dict[str, str]) -> str:
    if reference.startswith("arn:"):
        return reference
    place = f"{source['region']}:{source['account']}"
    return f"arn:{source['partition']}:lambda:{place}:function:{reference}"


def _starting_position(properties: Mapping[str, Any]) -> tuple[StartingPosition, int]:
    value = properties.get("StartingPosition")
    if value not in list(StartingPosition):
        raise _wrong("StartingPosition", value, f"one of {', '.join(StartingPosition)}")
    position = StartingPosition(value)
    timestamp = properties.get("StartingPositionTimestamp")
    if position is not StartingPosition.AT_TIMESTAMP:
        if timestamp is not None:
            raise _wrong("StartingPositionTimestamp", timestamp, f"absent with {position}")
        return position, 0
    expected = "seconds since the epoch with StartingPosition AT_TIMESTAMP"
    try:
        return position, round(float(timestamp) * 1000)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise _wrong("StartingPositionTimestamp", timestamp, expected) from None


def _record_age(properties: Mapping[str, Any]) -> int:
    age_s = _integer(properties, "MaximumRecordAgeInSeconds", -1, -1, 604_800)
    if 0 <= age_s < 60:
        raise _wrong("MaximumRecordAgeInSeconds", age_s, "-1 or from 60 to 604800")
    return age_s


def _reports_item_failures(properties: Mapping[str, Any]) -> bool:
    types = properties.get("FunctionResponseTypes") or []
    if types not in ([], ["ReportBatchItemFailures"]):
        raise _wrong("FunctionResponseTypes", types, "[] or ['ReportBatchItemFailures']")
    return bool(types)


def _on_failure(properties: Mapping[str, Any]) -> str | None:
    destinations = properties.get("DestinationConfig") or {}
    if not isinstance(destinations, Mapping) or set(destinations) - {"OnFailure"}:
        raise _wrong("DestinationConfig", destinations, "{'OnFailure': {'Destination': ARN}}")
    arn = (destinations.get("OnFailure") or {}).get("Destination")
    if not arn:
        return None
    if not isinstance(arn, str) or arn.split(":")[2:3] not in (["s3"], ["sqs"], ["sns"]):
        raise UnsupportedResource(
            f"{RESOURCE}: the on-failure destination is {arn!r}; the local cloud knows the ARNs of "
            "S3 buckets, SQS queues and SNS topics."
        )
    return arn
