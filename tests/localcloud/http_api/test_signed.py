"""IAM authorisation, with requests that the real signer signed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.http_api.authorization import Allowed, Denied
from localcloud.http_api.signed import SignedRequests


class Clock:
    """Stands at the moment of the signature, and so many seconds later."""

    def __init__(self, later_s: float = 0.0) -> None:
        self.later = timedelta(seconds=later_s)

    def now_ms(self) -> int:
        return int((datetime.now(UTC) + self.later).timestamp() * 1000)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


def signed(service: str = "execute-api", region: str = "us-east-1") -> dict[str, str]:
    """The headers of a signed POST, as API Gateway gets them."""
    request = AWSRequest("POST", "http://127.0.0.1:80/predict", data=b"{}")
    SigV4Auth(Credentials("AKIDLOCAL", "secret"), service, region).add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return {"host": "127.0.0.1:80", **headers}


def verdict(headers: Mapping[str, str], later_s: float = 0.0) -> Allowed | Denied:
    return asyncio.run(SignedRequests(Clock(later_s)).authorize({"headers": headers}))


def test_a_signed_request_passes_with_its_caller_s_identity() -> None:
    allowed = verdict(signed())
    assert isinstance(allowed, Allowed)
    iam: Any = allowed.context["iam"]
    assert (iam["accessKey"], iam["accountId"]) == ("AKIDLOCAL", "123456789012")
    assert iam["userArn"] == "arn:aws:iam::123456789012:user/local"
    assert set(iam) == {
        *("accessKey", "accountId", "callerId", "cognitoIdentity"),
        *("principalOrgId", "userArn", "userId"),
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"authorization": ""}, "there is no signature"),
        ({"authorization": "Bearer x"}, "there is no signature"),
        ({"x-amz-date": "yesterday"}, "x-amz-date is 'yesterday'"),
        ({"x-amz-date": "20200101T000000Z"}, r"its scope is \d+, its date 20200101T000000Z"),
    ],
)
def test_a_request_that_is_not_signed(changes: dict[str, str], why: str) -> None:
    denied = verdict(signed() | changes)
    assert isinstance(denied, Denied)
    assert (denied.status, denied.challenge) == (403, None)
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(denied.why)


def test_a_signature_for_something_else() -> None:
    for headers in (signed("sagemaker"), signed(region="eu-west-1")):
        denied = verdict(headers)
        assert isinstance(denied, Denied)
        assert "it is for" in denied.why


def test_a_signature_must_cover_what_matters_and_what_it_says() -> None:
    headers = signed()
    without = headers | {"authorization": headers["authorization"].replace("host;", "")}
    more = headers | {"authorization": headers["authorization"].replace("host;", "etag;host;")}
    for each, why in ((without, "does not cover host"), (more, "covers etag, which is not there")):
        denied = verdict(each)
        assert isinstance(denied, Denied)
        assert why in denied.why


@pytest.mark.parametrize("later_s", [-310, 310])
def test_a_signature_of_another_time(later_s: float) -> None:
    assert isinstance(verdict(signed(), later_s), Denied)


@pytest.mark.parametrize("later_s", [-290, 0, 290])
def test_a_signature_holds_for_five_minutes(later_s: float) -> None:
    assert isinstance(verdict(signed(), later_s), Allowed)
