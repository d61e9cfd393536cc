"""The real client against the runtime, every operation; and requests that no client would send."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from localcloud.feature_store.application import application
from localcloud.feature_store.contract import operations
from localcloud.serving import serving
from tests.localcloud.clock import ManualClock
from tests.localcloud.feature_store.groups import at, group, record, store_of, values_of
from tests.localcloud.running import running

UPDATABLE = {"EnableOnlineStore": True, "StorageType": "Standard_V2"}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:feature-group/users"


class Runtime:
    """A served store, its clock and a client."""

    def __init__(self, url: str, clock: ManualClock) -> None:
        self.url = url
        self.clock = clock
        self.client: Any = get_session().create_client(
            "sagemaker-featurestore-runtime",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def put(self, user: str, second: int, *, to: str = "users", **values: Any) -> None:
        """PutRecord."""
        ttl = {"TtlDuration": values.pop("ttl")} if "ttl" in values else {}
        self.client.put_record(FeatureGroupName=to, Record=record(user, second, **values), **ttl)

    def get(self, user: str, **more: Any) -> Any:
        """GetRecord."""
        return self.client.get_record(
            FeatureGroupName="users", RecordIdentifierValueAsString=user, **more
        )


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    store, clock = store_of(
        group(), group(FeatureGroupName="updatable", OnlineStoreConfig=UPDATABLE)
    )

    @contextlib.asynccontextmanager
    async def served() -> AsyncIterator[str]:
        async with serving(application(store)) as address:
            yield address.url

    with running(served) as url:
        yield Runtime(url.value, clock)


def test_put_and_get(runtime: Runtime) -> None:
    runtime.put("a", 1, count="5", tags=["x\n", "y"])
    answer = runtime.get("a")
    assert values_of(answer) == {
        "userId": "a",
        "updatedAt": at(1),
        "count": "5",
        "tags": ["x\n", "y"],
    }
    assert answer["ResponseMetadata"]["RequestId"]
    assert "ExpiresAt" not in answer
    assert values_of(runtime.get("a", FeatureNames=["count", "userId"])) == {
        "userId": "a",
        "count": "5",
    }
    assert "Record" not in runtime.get("nobody")


def test_a_group_can_be_named_by_its_arn(runtime: Runtime) -> None:
    runtime.put("arn", 1, to=ARN)
    answer = runtime.client.get_record(FeatureGroupName=ARN, RecordIdentifierValueAsString="arn")
    assert values_of(answer)["userId"] == "arn"


def test_the_expiry_is_shown_to_those_who_ask(runtime: Runtime) -> None:
    runtime.put("ttl", 1, ttl={"Unit": "Weeks", "Value": 1})
    assert "ExpiresAt" not in runtime.get("ttl")
    assert "ExpiresAt" not in runtime.get("ttl", ExpirationTimeResponse="Disabled")
    answer = runtime.get("ttl", ExpirationTimeResponse="Enabled")
    assert answer["ExpiresAt"] == "2024-01-09T00:00:01.000Z"


def test_delete(runtime: Runtime) -> None:
    runtime.put("d", 1)
    key = {"FeatureGroupName": "users", "RecordIdentifierValueAsString": "d"}
    with pytest.raises(runtime.client.exceptions.ValidationError, match="EventTime"):
        runtime.client.delete_record(**key, EventTime=at(1), DeletionMode="HardDelete")
    runtime.client.delete_record(**key, EventTime=at(2), TargetStores=["OnlineStore"])
    assert "Record" not in runtime.get("d")


def test_batch_get(runtime: Runtime) -> None:
    runtime.put("b1", 1, count="1")
    runtime.put("b2", 1, count="2", ttl={"Unit": "Weeks", "Value": 1})
    answer = runtime.client.batch_get_record(
        Identifiers=[
            {
                "FeatureGroupName": "users",
                "RecordIdentifiersValueAsString": ["b1", "nobody", "b2"],
                "FeatureNames": ["count"],
            },
            {"FeatureGroupName": "others", "RecordIdentifiersValueAsString": ["b1"]},
        ],
        ExpirationTimeResponse="Enabled",
    )
    assert [
        (each["RecordIdentifierValueAsString"], values_of(each), each.get("ExpiresAt"))
        for each in answer["Records"]
    ] == [("b1", {"count": "1"}, None), ("b2", {"count": "2"}, "2024-01-09T00:00:01.000Z")]
    (error,) = answer["Errors"]
    assert (error["FeatureGroupName"], error["ErrorCode"]) == ("others", "ResourceNotFound")
    assert answer["UnprocessedIdentifiers"] == []


def test_batch_write(runtime: Runtime) -> None:
    good = {"FeatureGroupName": "users", "Record": record("w", 1, count="1")}
    own = {**good, "Record": record("o", 1), "TtlDuration": {"Unit": "Days", "Value": 1}}
    bad = {"FeatureGroupName": "users", "Record": record("x", 1, count="many")}
    answer = runtime.client.batch_write_record(
        Entries=[good, own, bad], TtlDuration={"Unit": "Weeks", "Value": 1}
    )
    assert [(each["Entry"], each["ErrorCode"]) for each in answer["Errors"]] == [
        (bad, "ValidationError")
    ]
    assert answer["UnprocessedEntries"] == []
    expiries = [
        runtime.get(user, ExpirationTimeResponse="Enabled")["ExpiresAt"][:10] for user in "wo"
    ]
    assert expiries == ["2024-01-09", "2024-01-03"]


def test_update(runtime: Runtime) -> None:
    runtime.put("u", 5, to="updatable", count="1", mean="2")
    key = {"FeatureGroupName": "updatable", "RecordIdentifierValueAsString": "u"}
    runtime.client.update_record(**key, Features=[{"FeatureName": "count", "ValueAsString": "7"}])
    assert values_of(runtime.client.get_record(**key))["count"] == "7"
    assert values_of(runtime.client.get_record(**key))["mean"] == "2"
    with pytest.raises(runtime.client.exceptions.ConflictException):
        runtime.client.update_record(**key, Features=record("u", 4)[1:])
    with pytest.raises(runtime.client.exceptions.ResourceNotFound):
        runtime.client.update_record(
            **{**key, "RecordIdentifierValueAsString": "v"}, Features=record("v", 4)[1:]
        )


def test_list_in_pages(runtime: Runtime) -> None:
    for number in range(5):
        runtime.put(f"l{number}", 1, to="updatable")
    runtime.client.delete_record(
        FeatureGroupName="updatable", RecordIdentifierValueAsString="l3", EventTime=at(9)
    )

    def pages(**more: Any) -> Iterator[list[str]]:
        token: dict[str, str] | None = {}
        while token is not None:
            answer = runtime.client.list_records(
                FeatureGroupName="updatable", MaxResults=2, **token, **more
            )
            yield answer["RecordIdentifiers"]
            token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else None

    def listed(**more: Any) -> list[str]:
        return [each for page in pages(**more) for each in page if each.startswith("l")]

    assert listed() == ["l0", "l1", "l2", "l4"]
    assert listed(IncludeSoftDeletedRecords=True) == ["l0", "l1", "l2", "l3", "l4"]
    assert max(map(len, pages())) == 2
    with pytest.raises(runtime.client.exceptions.ValidationError, match="NextToken"):
        runtime.client.list_records(FeatureGroupName="updatable", NextToken="x")


def test_every_operation_is_served_and_tried_here() -> None:
    assert {each.name for each in operations()} == {
        "BatchGetRecord",
        "BatchWriteRecord",
        "DeleteRecord",
        "GetRecord",
        "ListRecords",
        "PutRecord",
        "UpdateRecord",
    }


def test_a_missing_group_is_said_as_each_operation_says_it(runtime: Runtime) -> None:
    with pytest.raises(runtime.client.exceptions.ResourceNotFound, match="FeatureGroup with name"):
        runtime.client.get_record(FeatureGroupName="others", RecordIdentifierValueAsString="u")
    with pytest.raises(runtime.client.exceptions.ValidationError, match="Resource Not Found"):
        runtime.put("u", 1, to="others")


def test_what_botocore_leaves_to_the_service_is_checked(runtime: Runtime) -> None:
    years = {"Unit": "Years", "Value": 1}
    for call, message in (
        (lambda: runtime.put("u", 1, to="-x"), "regular expression pattern"),
        (lambda: runtime.put("u", 1, ttl=years), "enum value set: .Seconds"),
        (lambda: runtime.get("u", FeatureNames=["x" * 65]), "length less than or equal to 64"),
        (
            lambda: runtime.client.list_records(FeatureGroupName="users", MaxResults=101),
            "value less than or equal to 100",
        ),
    ):
        with pytest.raises(ClientError, match=message):
            call()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The body is not valid JSON"),
        (b"[]", "The body must be a JSON object"),
        (b"{}", 'Missing required parameter in input: "Record"'),
        (b'{"Record": []}', "min"),
        (b'{"Record": "x"}', "Invalid type for parameter Record"),
        (b'{"Record": [{"FeatureName": "count", "ValueAsString": 5}]}', "Invalid type"),
        (b'{"Record": [{"ValueAsString": "5"}]}', 'Record\\[0\\]: "FeatureName"'),
        (
            b'{"Record": [{"FeatureName": "a b", "ValueAsString": "5"}]}',
            "Record.1.member.Feature",
        ),
    ],
)
def test_bad_requests_name_the_field(runtime: Runtime, body: bytes, message: str) -> None:
    answer = httpx.put(runtime.url + "/FeatureGroup/users", content=body, trust_env=False)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationError")
    assert re.search(message, answer.json()["Message"])


def test_unknown_members_are_ignored(runtime: Runtime) -> None:
    values = [{**each, "Unknown": 1} for each in record("ignored", 1)]
    answer = httpx.put(
        runtime.url + "/FeatureGroup/users", json={"Record": values, "More": 1}, trust_env=False
    )
    assert (answer.status_code, answer.json()) == (200, {})
    assert values_of(runtime.get("ignored"))["userId"] == "ignored"
