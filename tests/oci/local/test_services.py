"""The real SDK's clients against Vault, Notifications, Streaming and Functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.oci.function import Answer
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import served
from tests.oci.local.running import sdk

PROGRAM = Path(__file__).with_name("sdk_services.py")
FUNCTION = "ocid1.fnfunc.oc1.local.echo"


class Echo:
    """A function that gives back what it gets."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def invoke(self, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        self.bodies.append(body)
        return Answer(200, b"got " + body, failed=False)


@looped
async def test_every_service_is_as_the_sdk_speaks_it(tmp_path: Path) -> None:
    echo = Echo()
    async with served(tmp_path) as cloud:
        cloud.functions.add(FUNCTION, echo)
        hook = "http://127.0.0.1:9/hook"
        names = (cloud.url, cloud.stream.id, cloud.inbox.topic_id, hook, FUNCTION)
        status, out, err = await sdk(cloud.principal.environ, PROGRAM, *names)
        (subscription,) = cloud.notifications.subscriptions()
        await cloud.functions.close()
    assert status == 0, err
    told: dict[str, Any] = json.loads(out)
    check_secrets(told["secrets"])
    check_topics(told["topics"], cloud.url, hook)
    assert subscription.retry_ms == 60_000
    assert told["streams"] == {
        "found": ["s", 2, "ACTIVE", cloud.url],
        "pool": "127.0.0.1:9",
        "keys": [None],
        "names": ["s", "new"],
        "refused": [
            [409, "IncorrectState"],
            [400, "InvalidParameter"],
            [400, "MissingParameter"],
            [400, "InvalidParameter"],
            [501, "MethodNotImplemented"],
        ],
    }
    assert told["functions"] == {
        "answer": [200, "got body"],
        "detached": 202,
        "refused": [[404, "NotAuthorizedOrNotFound"]],
    }
    assert echo.bodies[0] == b"body"
    assert cloud.inbox.notices == []


def check_secrets(told: dict[str, Any]) -> None:
    assert told["first"] == ["first", 1, ["CURRENT", "LATEST"]]
    assert told["current"] == ["second", 2, ["CURRENT"]]
    assert told["pending"] == ["third", 3, ["PENDING", "LATEST"]]
    assert told["previous"] == told["by name"] == ["first", 1, ["PREVIOUS"]]
    assert told["by number"] == told["by secret's name"] == told["current"]
    assert told["promoted"] == ["third", 3, ["CURRENT", "LATEST"]]
    assert told["versions"] == [
        [3, ["CURRENT", "LATEST"]],
        [2, ["PREVIOUS"]],
        [1, ["DEPRECATED"]],
    ]
    assert told["refused"] == [
        [404, "NotAuthorizedOrNotFound"],
        [404, "NotAuthorizedOrNotFound"],
        [400, "InvalidParameter"],
        [400, "MissingParameter"],
        [501, "MethodNotImplemented"],
    ]


def check_topics(told: dict[str, Any], url: str, hook: str) -> None:
    assert told["topic"] == ["t", url]
    assert told["subscription"] == ["CUSTOM_HTTPS", hook, "PENDING"]
    assert told["again"] is True
    assert told["listed"] == [True]
    assert told["refused"] == [
        [400, "InvalidParameter"],
        [400, "InvalidParameter"],
        [404, "NotAuthorizedOrNotFound"],
        [400, "InvalidParameter"],
        [400, "MissingParameter"],
        [400, "InvalidParameter"],
        [400, "InvalidParameter"],
        [409, "IncorrectState"],
        [400, "InvalidParameter"],
        [404, "NotAuthorizedOrNotFound"],
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", "/20180418/streams/s/messages", 405), ("GET", "/20180418/other", 404)],
)
@looped
async def test_what_no_client_asks_is_refused(
    method: str, path: str, status: int, tmp_path: Path
) -> None:
    async with served(tmp_path) as cloud, httpx.AsyncClient(base_url=cloud.url) as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
