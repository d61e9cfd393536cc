"""The properties of a mapping: typed, within Lambda's ranges, and refused by name otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.event_source_mapping.config import HONOURED, MappingConfig, StartingPosition

from .fakes import CONSUMER_ARN, FUNCTION_ARN, STREAM_ARN

MINIMAL: dict[str, Any] = {
    "EventSourceArn": STREAM_ARN,
    "FunctionName": "enrich",
    "StartingPosition": "TRIM_HORIZON",
}
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "event-source-mapping.md"


def parse(**properties: Any) -> MappingConfig:
    return MappingConfig.from_properties(MINIMAL | properties, identity="some-uuid")


def test_defaults_are_those_of_lambda() -> None:
    assert parse() == MappingConfig(
        uuid="some-uuid",
        function_name="enrich",
        function_arn=FUNCTION_ARN,
        stream_arn=STREAM_ARN,
        event_source_arn=STREAM_ARN,
        starting_position=StartingPosition.TRIM_HORIZON,
        starting_timestamp_ms=0,
        batch_size=100,
        batching_window_s=0,
        parallelization_factor=1,
        bisect_on_error=False,
        max_retries=-1,
        max_record_age_s=-1,
        report_item_failures=False,
        on_failure_arn=None,
        enabled=True,
    )


def test_every_property_is_read() -> None:
    config = parse(
        EventSourceArn=CONSUMER_ARN,
        FunctionName=f"{FUNCTION_ARN}:live",
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=1704153600.25,
        BatchSize=500,
        MaximumBatchingWindowInSeconds=3,
        ParallelizationFactor=4,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=5,
        MaximumRecordAgeInSeconds=3600,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::quarantine"}},
        Enabled=False,
        Tags=[{"Key": "a", "Value": "b"}],
    )
    assert config == MappingConfig(
        uuid="some-uuid",
        function_name="enrich",
        function_arn=f"{FUNCTION_ARN}:live",
        stream_arn=STREAM_ARN,
        event_source_arn=CONSUMER_ARN,
        starting_position=StartingPosition.AT_TIMESTAMP,
        starting_timestamp_ms=1_704_153_600_250,
        batch_size=500,
        batching_window_s=3,
        parallelization_factor=4,
        bisect_on_error=True,
        max_retries=5,
        max_record_age_s=3600,
        report_item_failures=True,
        on_failure_arn="arn:aws:s3:::quarantine",
        enabled=False,
    )
    assert (config.fan_out, config.region, config.function_version) == (True, "eu-west-1", "live")


def test_a_stream_is_polled_and_a_consumer_is_pushed_to() -> None:
    assert not parse().fan_out
    assert parse(EventSourceArn=CONSUMER_ARN).fan_out


def test_numbers_and_truth_values_may_be_text_as_template_parameters_are() -> None:
    config = parse(BatchSize="250", Enabled="false", BisectBatchOnFunctionError="true")
    assert (config.batch_size, config.enabled, config.bisect_on_error) == (250, False, True)


def test_the_uuid_is_the_same_after_a_restart_and_another_for_another_function() -> None:
    first = MappingConfig.from_properties(MINIMAL)
    assert first.uuid == MappingConfig.from_properties(MINIMAL).uuid
    other = MappingConfig.from_properties(MINIMAL | {"FunctionName": "archive"})
    assert other.uuid != first.uuid


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BatchSize", 0),
        ("BatchSize", 10_001),
        ("BatchSize", "many"),
        ("BatchSize", {"Ref": "Size"}),
        ("BatchSize", True),
        ("MaximumBatchingWindowInSeconds", 301),
        ("ParallelizationFactor", 11),
        ("ParallelizationFactor", 0),
        ("MaximumRetryAttempts", -2),
        ("MaximumRetryAttempts", 10_001),
        ("MaximumRecordAgeInSeconds", 59),
        ("MaximumRecordAgeInSeconds", 604_801),
        ("BisectBatchOnFunctionError", "yes"),
        ("Enabled", 1),
        ("FunctionName", "no such name!"),
        ("FunctionName", {"Ref": "Function"}),
        ("StartingPosition", "EARLIEST"),
        ("StartingPosition", None),
        ("StartingPositionTimestamp", 5),
        ("FunctionResponseTypes", ["Everything"]),
        ("DestinationConfig", {"OnSuccess": {"Destination": "arn:aws:s3:::b"}}),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(**{name: value})
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("timestamp", [None, "yesterday", float("inf"), float("nan")])
def test_at_timestamp_needs_a_time(timestamp: object) -> None:
    with pytest.raises(ConfigurationError, match="StartingPositionTimestamp"):
        parse(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=timestamp)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FilterCriteria", {"Filters": [{"Pattern": "{}"}]}),
        ("TumblingWindowInSeconds", 30),
        ("ScalingConfig", {"MaximumConcurrency": 2}),
        ("BatchSise", 100),
        ("EventSourceArn", "arn:aws:sqs:eu-west-1:123456789012:queue"),
        ("DestinationConfig", {"OnFailure": {"Destination": "kafka://topic"}}),
    ],
)
def test_what_it_cannot_honour_is_refused_loudly(name: str, value: object) -> None:
    with pytest.raises(UnsupportedResource, match=name.replace("DestinationConfig", "kafka")):
        parse(**{name: value})


@pytest.mark.parametrize(
    "harmless",
    [
        {"FilterCriteria": {"Filters": []}},
        {"TumblingWindowInSeconds": 0},
        {"DestinationConfig": {}},
        {"DestinationConfig": {"OnFailure": {}}},
        {"FunctionResponseTypes": []},
    ],
)
def test_properties_that_say_nothing_are_accepted(harmless: dict[str, Any]) -> None:
    assert parse(**harmless) == parse()


def test_the_documentation_has_a_row_for_every_property() -> None:
    table = DOCUMENTATION.read_text(encoding="utf-8")
    assert [name for name in sorted(HONOURED) if f"`{name}`" not in table] == []
