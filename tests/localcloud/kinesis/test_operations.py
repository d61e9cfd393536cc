"""Every operation once, by boto3, each answer held against the service model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import botocore.session
import orjson
import pytest
from botocore.model import ServiceModel, StructureShape
from botocore.validate import ParamValidator

from localcloud.kinesis.app import OPERATIONS
from localcloud.kinesis.shapes import decoder_of
from tests.localcloud.kinesis.served import SECOND, SHARD, Service


def _model() -> ServiceModel:
    """The service model, without the two minima that Kinesis's own answers go below."""
    loader = botocore.session.Session().get_component("data_loader")
    description = deepcopy(loader.load_service_model("kinesis", "service-2"))
    shapes = description["shapes"]
    failed = shapes["PutRecordsOutput"]["members"]["FailedRecordCount"]["shape"]
    del shapes[failed]["min"], shapes["MetricsNameList"]["min"]
    return ServiceModel(description, "kinesis")


MODEL = _model()


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation is called with, given its stream; `before` are calls that it builds on."""

    members: Callable[[str, Any], Mapping[str, Any]]
    before: tuple[str, ...] = ()


def _of(**members: Any) -> Callable[[str, Any], Mapping[str, Any]]:
    return lambda stream, _: {"StreamName": stream, **members}


def _arn(stream: str) -> str:
    return f"arn:aws:kinesis:us-east-1:123456789012:stream/{stream}"


def _by_arn(**members: Any) -> Callable[[str, Any], Mapping[str, Any]]:
    return lambda stream, _: {"StreamARN": _arn(stream), **members}


def _consumer(answers: Any) -> str:
    arn = answers["RegisterStreamConsumer"]["Consumer"]["ConsumerARN"]
    assert isinstance(arn, str)
    return arn


RECORD = {"Data": b"\x00\xff", "PartitionKey": "user"}
KMS = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
CALLS: Mapping[str, Call] = {
    "AddTagsToStream": Call(_of(Tags={"team": "ml"})),
    "CreateStream": Call(lambda stream, _: {"StreamName": stream + "2", "ShardCount": 1}),
    "DecreaseStreamRetentionPeriod": Call(
        _of(RetentionPeriodHours=24), ("IncreaseStreamRetentionPeriod",)
    ),
    "DeleteStream": Call(_of()),
    "DeregisterStreamConsumer": Call(
        lambda _, answers: {"ConsumerARN": _consumer(answers)}, ("RegisterStreamConsumer",)
    ),
    "DescribeLimits": Call(lambda *_: {}),
    "DescribeStream": Call(_of(), ("SplitShard",)),
    "DescribeStreamConsumer": Call(_by_arn(ConsumerName="c"), ("RegisterStreamConsumer",)),
    "DescribeStreamSummary": Call(_of(), ("StartStreamEncryption", "EnableEnhancedMonitoring")),
    "DisableEnhancedMonitoring": Call(_of(ShardLevelMetrics=["ALL"])),
    "EnableEnhancedMonitoring": Call(_of(ShardLevelMetrics=["IncomingBytes"])),
    "GetRecords": Call(
        lambda _, answers: {"ShardIterator": answers["GetShardIterator"]["ShardIterator"]},
        ("PutRecord", "SplitShard", "GetShardIterator"),
    ),
    "GetShardIterator": Call(_of(ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")),
    "IncreaseStreamRetentionPeriod": Call(_of(RetentionPeriodHours=48)),
    "ListShards": Call(_of(MaxResults=2), ("SplitShard",)),
    "ListStreamConsumers": Call(_by_arn(), ("RegisterStreamConsumer",)),
    "ListStreams": Call(lambda *_: {"Limit": 1}, ("CreateStream",)),
    "ListTagsForResource": Call(lambda s, _: {"ResourceARN": _arn(s)}, ("AddTagsToStream",)),
    "ListTagsForStream": Call(_of(), ("AddTagsToStream",)),
    "MergeShards": Call(_of(ShardToMerge=SHARD, AdjacentShardToMerge=SECOND)),
    "PutRecord": Call(_of(**RECORD, ExplicitHashKey="0"), ("StartStreamEncryption",)),
    "PutRecords": Call(_of(Records=[RECORD, {**RECORD, "ExplicitHashKey": "7"}])),
    "RegisterStreamConsumer": Call(_by_arn(ConsumerName="c", Tags={"a": "b"})),
    "RemoveTagsFromStream": Call(_of(TagKeys=["team"]), ("AddTagsToStream",)),
    "SplitShard": Call(_of(ShardToSplit=SHARD, NewStartingHashKey="1000")),
    "StartStreamEncryption": Call(_of(**KMS)),
    "StopStreamEncryption": Call(_of(**KMS), ("StartStreamEncryption",)),
    "SubscribeToShard": Call(
        lambda _, answers: {
            "ConsumerARN": _consumer(answers),
            "ShardId": SHARD,
            "StartingPosition": {"Type": "TRIM_HORIZON"},
        },
        ("PutRecord", "RegisterStreamConsumer"),
    ),
    "TagResource": Call(
        lambda _, answers: {"ResourceARN": _consumer(answers), "Tags": {"k": "v"}},
        ("RegisterStreamConsumer",),
    ),
    "UntagResource": Call(lambda s, _: {"ResourceARN": _arn(s), "TagKeys": ["team"]}),
    "UpdateMaxRecordSize": Call(_by_arn(MaxRecordSizeInKiB=2048)),
    "UpdateShardCount": Call(_of(TargetShardCount=3, ScalingType="UNIFORM_SCALING")),
    "UpdateStreamMode": Call(_by_arn(StreamModeDetails={"StreamMode": "ON_DEMAND"})),
}


@pytest.fixture
def raw_answers(service: Service) -> Iterator[list[bytes]]:
    """The bodies as they came over the wire, which botocore's parser does not give back."""
    bodies: list[bytes] = []

    def keep(response_dict: Mapping[str, Any], **_: Any) -> None:
        if isinstance(response_dict.get("body"), bytes):
            bodies.append(response_dict["body"])

    events = service.client.meta.events
    events.register("response-received.kinesis", keep, unique_id="raw-answers")
    yield bodies
    events.unregister("response-received.kinesis", unique_id="raw-answers")


def test_the_table_has_every_operation_that_is_offered() -> None:
    assert set(CALLS) == OPERATIONS


@pytest.mark.parametrize("operation", sorted(CALLS))
def test_an_answer_fits_the_model(
    service: Service, stream: str, raw_answers: list[bytes], operation: str
) -> None:
    answers: dict[str, Any] = {}
    _make(service, stream, operation, answers)
    answer = dict(answers[operation])
    metadata = answer.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == 200
    assert metadata["RequestId"]
    shape = MODEL.operation_model(operation).output_shape
    if operation == "SubscribeToShard":
        answer["EventStream"].close()
    elif shape is None:
        assert raw_answers[-1] == b""
    else:
        _check(answer, raw_answers[-1], shape)
    _tidy(service, stream)


def _make(service: Service, stream: str, operation: str, answers: dict[str, Any]) -> None:
    call = CALLS[operation]
    for earlier in call.before:
        if earlier not in answers:
            _make(service, stream, earlier, answers)
    method = service.client.meta.method_to_api_mapping
    name = next(python for python, api in method.items() if api == operation)
    answers[operation] = getattr(service.client, name)(**call.members(stream, answers))


def _check(answer: Mapping[str, Any], raw: bytes, shape: StructureShape) -> None:
    decoder_of(shape)(orjson.loads(raw))  # unknown members, patterns, allowed values
    report = ParamValidator().validate(answer, shape)  # types, required members
    assert not report.has_errors(), report.generate_report()


def _tidy(service: Service, stream: str) -> None:
    if stream + "2" in service.client.list_streams()["StreamNames"]:
        service.client.delete_stream(StreamName=stream + "2")
