"""What a mapping leaves at its on-failure destination."""

from __future__ import annotations

import json
from typing import Any

import pytest
from millrace.errors import ConfigurationError

from localcloud.event_source_mapping.failure import Destination

from .fakes import FUNCTION_ARN, SHARD, STREAM_ARN, Failed, World, mapping_config, scripted
from .test_retries import failing_with
from .virtual import virtual

BUCKET = "arn:aws:s3:::quarantine"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:failures"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:failures"


@virtual
async def test_a_bucket_gets_the_whole_invocation_record() -> None:
    world = World(failing_with("bad"))
    await world.clock.sleep(3.5)
    first = world.stream.put("bad", "poison")
    await world.clock.sleep(0.25)
    last = world.stream.put("b")
    mapping = world.mapping(max_retries=2, on_failure_arn=BUCKET)
    await world.process(mapping)
    (((bucket, key), body),) = world.bucket.objects.items()
    document = json.loads(body)
    payload = json.loads(document.pop("payload"))
    request_id = document["requestContext"].pop("requestId")
    assert document == {
        "requestContext": {
            "functionArn": FUNCTION_ARN,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2024-01-02T00:00:04.050Z",
        "KinesisBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": first,
            "endSequenceNumber": last,
            "approximateArrivalOfFirstRecord": "2024-01-02T00:00:03.500Z",
            "approximateArrivalOfLastRecord": "2024-01-02T00:00:03.750Z",
            "batchSize": 2,
            "streamArn": STREAM_ARN,
        },
    }
    assert payload == world.function.calls[0].event, "exactly what the function was given"
    assert bucket == "quarantine"
    folder = f"aws/lambda/{mapping.config.uuid}/{SHARD}/2024/01/02"
    assert key == f"{folder}/2024-01-02T00.00.04-{request_id}"


@pytest.mark.parametrize("arn", [QUEUE, TOPIC])
@virtual
async def test_queues_and_topics_get_the_metadata_only(arn: str) -> None:
    world = World(failing_with("bad"))
    world.stream.put("bad")
    await world.process(world.mapping(max_retries=0, on_failure_arn=arn))
    ((target, body),) = world.bucket.messages
    assert target == arn
    document = json.loads(body)
    assert set(document) == {
        "requestContext",
        "responseContext",
        "version",
        "timestamp",
        "KinesisBatchInfo",
    }
    assert document["requestContext"]["approximateInvokeCount"] == 1
    assert document["KinesisBatchInfo"]["batchSize"] == 1


@virtual
async def test_after_a_partial_answer_there_is_no_function_error() -> None:
    world = World(failing_with("bad", partial=True))
    world.stream.put_many("a", "bad")
    mapping = world.mapping(max_retries=3, report_item_failures=True, on_failure_arn=BUCKET)
    await world.process(mapping)
    (document,) = world.bucket.documents
    assert document["responseContext"]["functionError"] is None
    # As recorded from the service: the delivery before the partial answer does not count.
    assert document["requestContext"]["approximateInvokeCount"] == 4
    assert document["KinesisBatchInfo"]["batchSize"] == 1


@virtual
async def test_records_that_are_too_old_have_no_response() -> None:
    world = World()
    world.stream.put_many("old", "old too")
    await world.clock.sleep(90)
    world.stream.put("young")
    await world.process(world.mapping(max_record_age_s=60, on_failure_arn=BUCKET))
    (document,) = world.bucket.documents
    assert "responseContext" not in document
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert document["requestContext"]["approximateInvokeCount"] == 1
    assert document["KinesisBatchInfo"]["batchSize"] == 2
    assert world.function.batches == [["young"]]


@virtual
async def test_records_that_age_while_they_are_retried_have_no_response_either() -> None:
    world = World(failing_with("bad"))
    world.stream.put("bad")
    mapping = world.mapping(max_record_age_s=60, on_failure_arn=BUCKET)
    await world.process(mapping)
    assert mapping.snapshot().invocations > 5
    (document,) = world.bucket.documents
    assert "responseContext" not in document
    # As recorded from the service, however often it was retried.
    assert document["requestContext"]["approximateInvokeCount"] == 1


@virtual
async def test_the_version_or_alias_is_named() -> None:
    world = World(failing_with("bad"))
    world.stream.put("bad")
    live = f"{FUNCTION_ARN}:live"
    mapping = world.mapping(max_retries=0, on_failure_arn=BUCKET, function_arn=live)
    await world.process(mapping)
    (document,) = world.bucket.documents
    assert document["responseContext"]["executedVersion"] == "live"
    assert document["requestContext"]["functionArn"] == live


@virtual
async def test_a_destination_that_fails_at_first_gets_the_record_later() -> None:
    world = World(failing_with("bad"))
    world.bucket.failures = 2
    world.stream.put_many("bad", "b")
    mapping = world.mapping(max_retries=0, batch_size=1, on_failure_arn=BUCKET)
    await world.process(mapping)
    assert len(world.bucket.documents) == 1
    assert mapping.snapshot().destination_failures == 2
    assert world.function.batches == [["bad"], ["b"]]


@virtual
async def test_a_destination_that_stays_away_loses_the_record_loudly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(failing_with("bad"))
    world.bucket.failures = 100
    world.stream.put_many("bad", "b")
    mapping = world.mapping(max_retries=0, batch_size=1, on_failure_arn=BUCKET)
    await world.process(mapping)
    assert world.bucket.objects == {}
    assert world.function.batches == [["bad"], ["b"]], "as in Lambda the shard goes on"
    assert mapping.snapshot().destination_failures == 3
    assert f"lost 1 records of {SHARD}" in caplog.text


@virtual
async def test_the_checkpoint_moves_only_when_the_record_has_arrived() -> None:
    world = World(scripted(*[Failed("ValueError")] * 5))
    positions: list[Any] = []

    class Watching(type(world.bucket)):  # type: ignore[misc]
        async def put(self, bucket: str, key: str, body: bytes) -> None:
            positions.append(world.checkpoints.get(SHARD))
            await super().put(bucket, key, body)

    world.bucket = Watching()
    number = world.stream.put("bad")
    await world.process(world.mapping(max_retries=0, on_failure_arn=BUCKET))
    assert [checkpoint.after for checkpoint in positions] == [None]
    after = world.checkpoints.get(SHARD)
    assert after is not None
    assert after.after == number


def test_a_destination_needs_something_to_write_with() -> None:
    for arn in (BUCKET, QUEUE, TOPIC):
        with pytest.raises(ConfigurationError, match=arn):
            Destination(mapping_config(on_failure_arn=arn), None, None)
