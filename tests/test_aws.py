"""Clients from one session, late and once; errors that say what was tried, where, and what next."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from millrace.aws import code_of, unavailable
from millrace.errors import Throttled, Unavailable

CLIENTS = """
import sys
from millrace import aws
first = aws.client("dynamodb")
assert aws.client("dynamodb") is first
kinesis = aws.client("kinesis")
assert aws._session.cache_info().misses == 1
for client in (first, kinesis):
    config = client.meta.config
    assert client.meta.endpoint_url == "http://127.0.0.1:9", client.meta.endpoint_url
    assert client.meta.region_name == "eu-west-3"
    assert (config.connect_timeout, config.read_timeout) == (1.0, 4.0)
    assert config.retries["total_max_attempts"] == 3, config.retries
    assert config.max_pool_connections == aws.PARALLEL
quick = aws.client("dynamodb", timeout_s=0.5, tries=1)
assert quick is not first
assert quick.meta.config.read_timeout == 0.5 == quick.meta.config.connect_timeout
assert not {"numpy", "google.protobuf"} & set(sys.modules)
"""


def test_clients_are_made_once_with_bounds_from_the_environment() -> None:
    subprocess.run(
        [sys.executable, "-c", CLIENTS],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(sys.path),
            "AWS_DEFAULT_REGION": "eu-west-3",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        },
        check=True,
    )


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "why"}}, "PutItem")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ProvisionedThroughputExceededException", Throttled),
        ("ThrottlingException", Throttled),
        ("SlowDown", Throttled),
        ("InternalServerError", Unavailable),
        ("AccessDeniedException", Unavailable),
    ],
)
def test_a_refusal_says_what_where_and_why(code: str, kind: type[Unavailable]) -> None:
    error = unavailable("write features in table", refused(code), "https://dynamodb.example")
    assert type(error) is kind
    assert str(error).startswith("Cannot write features in table at https://dynamodb.example: ")
    assert code in str(error)
    assert "local cloud" not in str(error)
    assert code_of(refused(code)) == code


def test_a_local_cloud_that_is_not_up_is_suggested() -> None:
    cause = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    error = unavailable("read features", cause, "http://127.0.0.1:9")
    assert "is the local cloud up? start it with: scripts/demo --keep" in str(error)
    assert code_of(cause) == ""
