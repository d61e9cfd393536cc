"""Who observes the gateway hears of errors, with what the request asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from localcloud.faults.plan import Fail, Rule, When
from localcloud.gateway.recognition import Call

from .conftest import Cloud

THROTTLED = Fail("ProvisionedThroughputExceededException", 400, "too much")
Seen = list[tuple[str, str, str, int, bytes]]


@pytest.fixture
def seen(cloud: Cloud) -> Iterator[Seen]:
    found: Seen = []

    def observe(call: Call, error: str, status: int, body: bytes) -> None:
        found.append((call.service, call.operation, error, status, body))

    before, cloud.gateway.observer = cloud.gateway.observer, observe
    yield found
    cloud.gateway.observer = before


def only(seen: Seen) -> tuple[str, str, str, int, bytes]:
    """The one call that was observed; the client may have its answer a moment earlier."""
    deadline_s = time.monotonic() + 10
    while not seen and time.monotonic() < deadline_s:
        time.sleep(0.01)
    (one,) = seen
    return one


@pytest.mark.parametrize("when", list(When))
def test_an_injected_error(cloud: Cloud, seen: Seen, when: When) -> None:
    cloud.rules(Rule("dynamodb", "GetItem", THROTTLED, when, calls=(1,)))
    with pytest.raises(ClientError):
        cloud.client("dynamodb").get_item(TableName="gone", Key={"id": {"S": "1"}})
    service, operation, error, status, body = only(seen)
    assert (service, operation, error, status) == ("dynamodb", "GetItem", THROTTLED.code, 400)
    assert b'"TableName": "gone"' in body


def test_an_error_of_the_service_and_no_success(cloud: Cloud, seen: Seen) -> None:
    client = cloud.client("dynamodb")
    client.list_tables()
    with pytest.raises(ClientError):
        client.describe_table(TableName="gone")
    _, operation, error, status, body = only(seen)
    assert (operation, error, status) == ("DescribeTable", "ResourceNotFoundException", 400)
    assert b"gone" in body
