"""Requests against the service model: every kind of fault, named as AWS names it."""

from __future__ import annotations

import base64
from typing import Any

import botocore.session
import orjson
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kinesis.errors import (
    InvalidArgument,
    KinesisError,
    MalformedRequest,
    ValidationFailed,
)
from localcloud.kinesis.requests import kinesis_requests

REQUESTS = kinesis_requests()
MODEL = botocore.session.Session().get_service_model("kinesis")


def decode(operation: str, **members: object) -> Any:
    return REQUESTS.decode(operation, orjson.dumps(members))


def test_every_operation_of_the_model_has_a_decoder() -> None:
    for operation in REQUESTS.operations:
        with pytest.raises(KinesisError):
            REQUESTS.decode(operation, b"[]")


def test_members_come_typed() -> None:
    assert decode("PutRecord", StreamName="s", Data="AP8=", PartitionKey="k") == {
        "StreamName": "s",
        "Data": b"\x00\xff",
        "PartitionKey": "k",
    }
    shards = decode("ListShards", StreamCreationTimestamp=1.0005, ShardFilter={"Type": "AT_LATEST"})
    assert shards == {"StreamCreationTimestamp": 1000, "ShardFilter": {"Type": "AT_LATEST"}}
    assert decode("AddTagsToStream", Tags={"a": "b"}) == {"Tags": {"a": "b"}}


def test_null_is_as_good_as_absent_and_an_empty_body_as_no_members() -> None:
    assert decode("ListStreams", Limit=None) == {}
    assert REQUESTS.decode("ListStreams", b"") == {}
    with pytest.raises(ValidationFailed, match="Value null at 'streamName'"):
        decode("CreateStream", StreamName=None)


@pytest.mark.parametrize(
    ("operation", "members", "path", "constraint"),
    [
        ("CreateStream", {}, "streamName", "must not be null"),
        ("CreateStream", {"StreamName": ""}, "streamName", "length greater than or equal to 1"),
        ("CreateStream", {"StreamName": "x" * 129}, "streamName", "less than or equal to 128"),
        ("CreateStream", {"StreamName": "a b"}, "streamName", r"pattern: \[a-zA-Z0-9_.-\]\+"),
        ("CreateStream", {"StreamName": "s\n"}, "streamName", "pattern"),
        ("CreateStream", {"StreamName": "s", "ShardCount": 0}, "shardCount", "value greater than"),
        (
            "CreateStream",
            {"StreamName": "s", "StreamModeDetails": {"StreamMode": "X"}},
            "streamModeDetails.streamMode",
            r"enum value set: \[ON_DEMAND, PROVISIONED\]",
        ),
        ("CreateStream", {"StreamName": "s", "Shards": 1}, "shards", "must be one of"),
        ("GetRecords", {"ShardIterator": "i", "Limit": 10_001}, "limit", "less than or equal"),
        ("PutRecords", {"StreamName": "s", "Records": []}, "records", "length greater than"),
        (
            "PutRecords",
            {"StreamName": "s", "Records": [{"Data": ""}, {"Data": "", "PartitionKey": ""}]},
            r"records\.2\.member\.partitionKey",
            "length greater than",
        ),
        (
            "PutRecords",
            {"StreamName": "s", "Records": [{"Data": "", "ExplicitHashKey": "-1"}]},
            r"records\.1\.member\.explicitHashKey",
            "pattern",
        ),
        ("AddTagsToStream", {"Tags": {"k": "v" * 257}}, r"tags\.k\.member", "less than"),
    ],
)
def test_what_the_model_does_not_allow(
    operation: str, members: dict[str, object], path: str, constraint: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        decode(operation, **members)
    pattern = f"^1 validation error detected: Value .* at '{path}' failed to satisfy constraint: "
    assert refused.match(f"(?s){pattern}.*{constraint}")


@pytest.mark.parametrize(
    ("operation", "members", "complaint"),
    [
        ("CreateStream", {"StreamName": 1}, "streamName is 1; expected text"),
        ("CreateStream", {"StreamName": "s", "ShardCount": "1"}, "expected a whole number"),
        ("CreateStream", {"StreamName": "s", "ShardCount": 1.5}, "expected a whole number"),
        ("CreateStream", {"StreamName": "s", "ShardCount": True}, "expected a whole number"),
        ("CreateStream", {"StreamName": "s", "StreamModeDetails": "X"}, "expected an object"),
        ("DeleteStream", {"EnforceConsumerDeletion": 1}, "expected true or false"),
        ("PutRecord", {"Data": "%%%", "PartitionKey": "k"}, "data is '%%%'; expected base64 text"),
        ("PutRecord", {"Data": "AAA", "PartitionKey": "k"}, "expected base64 text"),
        ("PutRecord", {"Data": "ключ", "PartitionKey": "k"}, "expected base64 text"),
        ("PutRecord", {"Data": [1], "PartitionKey": "k"}, "expected base64 text"),
        ("PutRecords", {"Records": {}}, "records is {}; expected a list"),
        ("PutRecords", {"Records": ["x"]}, "records.1.member is 'x'; expected an object"),
        ("AddTagsToStream", {"Tags": ["k"]}, "tags is .*; expected an object"),
        ("ListShards", {"StreamCreationTimestamp": "today"}, "expected a number of seconds"),
        ("ListShards", {"StreamCreationTimestamp": True}, "expected a number of seconds"),
    ],
)
def test_values_of_another_type(operation: str, members: dict[str, object], complaint: str) -> None:
    with pytest.raises(MalformedRequest, match=complaint):
        decode(operation, **members)


@pytest.mark.parametrize("body", [b"{", b"not json", b"\xff", b'{"a": NaN}'])
def test_a_body_that_is_not_json(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="The body is not JSON"):
        REQUESTS.decode("ListStreams", body)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null"])
def test_a_body_that_is_not_an_object(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match=r"The body is .*; expected an object"):
        REQUESTS.decode("ListStreams", body)


def test_large_values_are_not_repeated_in_full() -> None:
    with pytest.raises(ValidationFailed) as refused:
        decode("CreateStream", StreamName="x" * 100_000)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("GetRecords", {"ShardIterator": "i", "DryRun": True}),
        ("CreateStream", {"StreamName": "s", "RecordDistributionStrategy": "AUTO"}),
        ("CreateStream", {"StreamName": "s", "WarmThroughputMiBps": 10}),
        ("ListShards", {"StreamId": "a" * 20 + "-abc"}),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(
    operation: str, members: dict[str, object]
) -> None:
    with pytest.raises(InvalidArgument, match=f"{list(members)[-1]} = .* is not emulated"):
        decode(operation, **members)


def test_members_that_ask_for_nothing_are_let_through() -> None:
    decode("GetRecords", ShardIterator="i", DryRun=False)
    decode("CreateStream", StreamName="s", RecordDistributionStrategy="USER_PARTITION_KEY")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["StreamName", "Records", "Data", "Tags", "Limit", "x"]), inner, max_size=3
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.sampled_from(sorted(REQUESTS.operations)), JSON)
def test_whatever_is_sent_it_is_decoded_or_refused(operation: str, content: object) -> None:
    try:
        body = orjson.dumps(content)
    except orjson.JSONEncodeError:  # half of a surrogate pair, which JSON cannot hold
        return
    try:
        members = REQUESTS.decode(operation, body)
    except KinesisError:
        return
    assert isinstance(members, dict)


SHORT = st.text(max_size=2)


@given(
    st.fixed_dictionaries(
        {"StreamName": SHORT},
        optional={
            "ShardCount": st.integers(-2, 5),
            "Tags": st.dictionaries(SHORT, SHORT, max_size=2),
        },
    )
)
def test_nothing_passes_that_botocore_itself_would_refuse(members: dict[str, Any]) -> None:
    shape = MODEL.operation_model("CreateStream").input_shape
    assert shape is not None
    try:
        REQUESTS.decode("CreateStream", orjson.dumps(members))
    except KinesisError:
        return
    assert not ParamValidator().validate(members, shape).has_errors()


def test_a_blob_may_be_empty_and_is_measured_decoded() -> None:
    assert decode("PutRecord", Data="", PartitionKey="k")["Data"] == b""
    ten_mib = base64.b64encode(bytes(10 << 20)).decode()
    assert len(decode("PutRecord", Data=ten_mib, PartitionKey="k")["Data"]) == 10 << 20
    with pytest.raises(ValidationFailed, match=r"at 'data' .* less than or equal to 10485760"):
        decode("PutRecord", Data=base64.b64encode(bytes((10 << 20) + 1)).decode())
