"""What is counted of functions, mappings, endpoints, APIs and refused calls, under which name."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from millrace.errors import Unavailable

from localcloud.aws_protocol import Protocol
from localcloud.cloudwatch.measuring import MappingSampler, Measured, MeasuredInvoker
from localcloud.cloudwatch.metrics import Metric, MetricStore
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.counters import Counters
from localcloud.functions.logs import LogLine
from localcloud.gateway.recognition import Call
from localcloud.http_api.application import Served
from localcloud.ports import Invocation
from localcloud.sagemaker.endpoints import Invocation as EndpointInvocation
from tests.localcloud.clock import ManualClock

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/events"


@pytest.fixture
def measured() -> Measured:
    return Measured(MetricStore(), ManualClock(), {"work": ("live",)})


def total(measured: Measured, namespace: str, name: str, **dimensions: str) -> float | None:
    """The sum of a metric's values; None when it has had none."""
    metric = Metric.of(namespace, name, **dimensions)
    found = measured.store.window(metric, measured.clock.now_ms(), 60_000)
    return found.total if found is not None else None


class Functions:
    """An invoker that answers with what it is given, one after the other."""

    def __init__(self, *answers: Invocation | Unavailable) -> None:
        self.answers = list(answers)

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        answer = self.answers.pop(0)
        if isinstance(answer, Unavailable):
            raise answer
        return answer


def test_invocations_of_a_function_and_of_its_alias(measured: Measured) -> None:
    async def work() -> None:
        functions = Functions(
            Invocation(b"1", None, 12.0),
            Invocation(b"{}", "ValueError", 8.0),
            Unavailable("Rate exceeded"),
        )
        invoker = MeasuredInvoker(functions, measured)
        assert (await invoker.invoke("work", b"")).payload == b"1"
        assert (await invoker.invoke("work", b"")).error == "ValueError"
        with pytest.raises(Unavailable):
            await invoker.invoke("work", b"")

    asyncio.run(work())
    for of in ({"FunctionName": "work"}, {"FunctionName": "work", "Resource": "work:live"}):
        found = {
            name: total(measured, "AWS/Lambda", name, **of)
            for name in ("Invocations", "Errors", "Throttles", "Duration")
        }
        assert found == {"Invocations": 2, "Errors": 1, "Throttles": 1, "Duration": 20}


def test_metrics_in_log_lines_go_on_as_lines(measured: Measured) -> None:
    seen: list[LogLine] = []
    directive = '{"Namespace":"N","Dimensions":[["service"]],"Metrics":[{"Name":"Late"}]}'
    text = f'{{"_aws":{{"CloudWatchMetrics":[{directive}]}},"service":"s","Late":[2,3]}}'
    for sink in (measured.lines(seen.append), measured.lines(None)):
        sink(LogLine("work", 1, text))
        sink(LogLine("work", 1, "START"))
    assert [line.text for line in seen] == [text, "START"]
    assert total(measured, "N", "Late", service="s") == 10


def test_invocations_of_an_endpoint(measured: Measured) -> None:
    for status in (200, 400, 503):
        measured.endpoint(EndpointInvocation("scorer", "main", status, 2.0))
    found = {
        name: total(measured, "AWS/SageMaker", name, EndpointName="scorer", VariantName="main")
        for name in ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency")
    }
    assert found == {
        "Invocations": 3,
        "Invocation4XXErrors": 1,
        "Invocation5XXErrors": 1,
        "ModelLatency": 6_000,
    }


def test_requests_of_an_http_api(measured: Measured) -> None:
    count = measured.http_api("abc")
    for status in (200, 404, 503, 500):
        count(Served(status, 5.0))
    found = {
        name: total(measured, "AWS/ApiGateway", name, ApiId="abc")
        for name in ("Count", "4xx", "5xx", "Latency")
    }
    assert found == {"Count": 4, "4xx": 1, "5xx": 2, "Latency": 20}


def call(service: str, operation: str) -> Call:
    return Call(service, operation, Protocol.JSON)


THROTTLED = "ProvisionedThroughputExceededException"


@pytest.mark.parametrize(
    ("operation", "error", "status", "body", "name"),
    [
        ("GetItem", THROTTLED, 400, b'{"TableName": "t"}', "ReadThrottleEvents"),
        ("BatchGetItem", THROTTLED, 400, b'{"RequestItems": {"t": {}}}', "ReadThrottleEvents"),
        ("PutItem", "ThrottlingException", 400, b'{"TableName":"t"}', "WriteThrottleEvents"),
    ],
)
def test_a_throttled_table(
    measured: Measured, operation: str, error: str, status: int, body: bytes, name: str
) -> None:
    measured.refused(call("dynamodb", operation), error, status, body)
    assert total(measured, "AWS/DynamoDB", name, TableName="t") == 1
    throttled = {"TableName": "t", "Operation": operation}
    assert total(measured, "AWS/DynamoDB", "ThrottledRequests", **throttled) == 1


def test_errors_of_a_table_and_of_its_callers(measured: Measured) -> None:
    body = b'{"TableName": "t"}'
    measured.refused(call("dynamodb", "PutItem"), "InternalServerError", 500, body)
    measured.refused(call("dynamodb", "PutItem"), "ConditionalCheckFailedException", 400, body)
    measured.refused(call("dynamodb", "ListTables"), "InternalServerError", 500, b"{}")
    errors = {"TableName": "t", "Operation": "PutItem"}
    assert total(measured, "AWS/DynamoDB", "SystemErrors", **errors) == 1
    assert len(measured.store.metrics()) == 1


def test_a_throttled_stream(measured: Measured) -> None:
    by_name, by_arn = b'{"StreamName": "events"}', f'{{"StreamARN": "{STREAM}"}}'.encode()
    measured.refused(call("kinesis", "PutRecord"), THROTTLED, 400, by_name)
    measured.refused(call("kinesis", "PutRecords"), THROTTLED, 400, by_arn)
    measured.refused(call("kinesis", "GetRecords"), THROTTLED, 400, by_arn)
    measured.refused(call("kinesis", "PutRecord"), "ResourceNotFoundException", 400, by_name)
    write, read = (f"{way}ProvisionedThroughputExceeded" for way in ("Write", "Read"))
    assert total(measured, "AWS/Kinesis", write, StreamName="events") == 2
    assert total(measured, "AWS/Kinesis", read, StreamName="events") == 1


class Counting:
    """A mapping whose numbers a test sets."""

    def __init__(self, on_failure: str | None) -> None:
        properties = {"EventSourceArn": STREAM, "FunctionName": "work"}
        config = MappingConfig.from_properties(
            {**properties, "StartingPosition": "LATEST"}, identity="id-1"
        )
        self.config = replace(config, on_failure_arn=on_failure)
        self.counters = Counters()

    def snapshot(self) -> Counters:
        return self.counters.copy()


@pytest.mark.parametrize(
    ("on_failure", "name"),
    [
        ("arn:aws:s3:::quarantine", "OnFailureDestinationDeliveredEventCount"),
        (None, "DroppedEventCount"),
    ],
)
def test_a_mapping_s_counters_count_once(
    measured: Measured, on_failure: str | None, name: str
) -> None:
    mapping = Counting(on_failure)
    sample = MappingSampler([mapping], measured)
    sample(0)
    assert measured.store.metrics() == (), "nothing happened yet"
    mapping.counters = Counters(
        invocations=3, iterator_age_ms=700, given_up=2, destination_failures=1
    )
    sample(0)
    sample(0)
    mapping.counters.given_up += 5
    sample(0)
    assert total(measured, "AWS/Lambda", "IteratorAge", FunctionName="work") == 700
    assert total(measured, "AWS/Lambda", name, EventSourceMappingUUID="id-1") == 7
    assert total(measured, "AWS/Lambda", "DestinationDeliveryFailures", FunctionName="work") == 1
