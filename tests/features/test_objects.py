"""The contract of object stores, and what S3 makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from millrace.errors import QuarantineError, Throttled, Unavailable
from millrace.folder import FolderObjects
from millrace.objects import MemoryObjects, Objects
from millrace.s3 import S3Objects

from tests.features.services import Services, failing


@pytest.fixture(params=["memory", "folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """An empty store of each kind."""
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "folder":
        return FolderObjects(tmp_path)
    services: Services = request.getfixturevalue("services")
    return S3Objects(services.bucket(), services.client("s3"))


def test_what_is_put_is_got_and_may_be_put_again(objects: Objects) -> None:
    for body in (b"", b"one", bytes(range(256)) * 5000):
        objects.put("a/b.json", body)
        assert objects.get("a/b.json") == body
    assert list(objects.keys("")) == ["a/b.json"]


@pytest.mark.parametrize("key", ["none", "a", "a/b.json.more"])
def test_what_is_not_there_is_named(objects: Objects, key: str) -> None:
    objects.put("a/b.json", b"x")
    with pytest.raises((QuarantineError, Unavailable), match=key):
        objects.get(key)


def test_keys_come_in_order_by_their_beginning(objects: Objects) -> None:
    keys = ["late/user/1", "late/user/10", "late/user/2", "quarantine/x", "late2/a"]
    for key in reversed(keys):
        objects.put(key, b"x")
    assert list(objects.keys("late/")) == ["late/user/1", "late/user/10", "late/user/2"]
    assert list(objects.keys("late/user/1")) == ["late/user/1", "late/user/10"]
    assert list(objects.keys("late")) == sorted(key for key in keys if key.startswith("late"))
    assert list(objects.keys("nothing/")) == []


def test_what_is_deleted_is_gone_and_may_be_deleted_again(objects: Objects) -> None:
    objects.put("a", b"x")
    objects.put("b", b"y")
    for _ in range(2):
        objects.delete("a")
    assert list(objects.keys("")) == ["b"]


def test_keys_may_be_as_ours_are(objects: Objects) -> None:
    key = (
        "events/stream=my-stream_1.x/date=2024-01-02/shardId-000000000000/"
        f"1600000000000-{'1' * 56}-{'2' * 56}.jsonl"
    )
    objects.put(key, b"{}")
    assert list(objects.keys("events/stream=my-stream_1.x/")) == [key]


# S3.


def operations(objects: Objects) -> list[tuple[str, str, Any]]:
    """AWS's operation, how we name it, and the call."""
    return [
        ("PutObject", "put", lambda: objects.put("k", b"x")),
        ("GetObject", "get", lambda: objects.get("k")),
        ("ListObjectsV2", "list", lambda: list(objects.keys("k"))),
        ("DeleteObject", "delete", lambda: objects.delete("k")),
    ]


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_s3_that_goes_on_failing_is_unavailable(services: Services, code: str) -> None:
    objects = S3Objects(services.bucket(), services.client("s3", attempts=1))
    for operation, name, call in operations(objects):
        services.fail("s3", operation, failing(code))
        with pytest.raises(Unavailable, match=f"Cannot {name} s3://{objects.bucket}/k") as raised:
            call()
        assert isinstance(raised.value, Throttled) == (code == "SlowDown")


def test_one_failure_of_s3_is_tried_again(services: Services) -> None:
    objects = S3Objects(services.bucket(), services.client("s3"))
    for operation, _, call in operations(objects):
        services.fail("s3", operation, failing("InternalError"), 1)
        call()


def test_a_bucket_that_is_not_there_is_unavailable(services: Services) -> None:
    objects = S3Objects("millrace-nowhere", services.client("s3"))
    for _, name, call in operations(objects)[:3]:
        with pytest.raises(Unavailable, match=f"Cannot {name} s3://millrace-nowhere/k"):
            call()


def test_more_objects_than_a_page_are_all_listed(services: Services) -> None:
    """S3 lists a thousand at a time; here a page is asked to be shorter."""

    class Short:
        """The client, with pages of two."""

        def __init__(self, s3: Any) -> None:
            self.s3 = s3

        def __getattr__(self, name: str) -> Any:
            return getattr(self.s3, name)

        def get_paginator(self, operation: str) -> Any:
            paginator = self.s3.get_paginator(operation)
            plain = paginator.paginate
            paginator.paginate = lambda **asked: plain(**asked, PaginationConfig={"PageSize": 2})
            return paginator

    client: Any = Short(services.client("s3"))
    objects = S3Objects(services.bucket(), client)
    for n in range(5):
        objects.put(f"k{n}", b"x")
    before = services.calls("s3", "ListObjectsV2")
    assert list(objects.keys("k")) == [f"k{n}" for n in range(5)]
    assert services.calls("s3", "ListObjectsV2") == before + 3
