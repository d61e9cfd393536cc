"""Requests and answers against the SDK's own models."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import StartupError

from localcloud.oci.errors import BadAnswer, InvalidParameter, MissingParameter, OciError
from localcloud.oci.sdk.catalogue import Catalogue, Operation
from localcloud.oci.sdk.checking import Checker
from tests.localcloud.oci import serving

checker: Any = cache(serving.checker)


def operation(service: str, name: str) -> Operation:
    """An operation by the SDK's name."""
    found: list[Operation] = checker().catalogue.operations
    return next(one for one in found if (one.service, one.name) == (service, name))


GROUP_CURSOR = {"type": "TRIM_HORIZON", "groupName": "g"}


@pytest.mark.parametrize(
    ("change", "kind", "what"),
    [
        ({"groupName": None}, MissingParameter, "groupName must be there"),
        ({"groupName": 5}, InvalidParameter, "groupName must be a text but is 5"),
        ({"type": "AT_OFFSET"}, InvalidParameter, "type is 'AT_OFFSET'; it may be AT_TIME, LATEST"),
        ({"timeoutInMs": "5"}, InvalidParameter, "timeoutInMs must be a whole number"),
        ({"timeoutInMs": True}, InvalidParameter, "timeoutInMs must be a whole number"),
        ({"commitOnGet": 1}, InvalidParameter, "commitOnGet must be true or false"),
        ({"time": "yesterday"}, InvalidParameter, "time must be a time"),
        ({"time": "2026-01-01T00:00:00"}, InvalidParameter, "time must be a time"),
        ({"another": 1}, InvalidParameter, "has no field 'another'"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    change: dict[str, object], kind: type[OciError], what: str
) -> None:
    asked = operation("streaming", "create_group_cursor")
    checker().request(asked, GROUP_CURSOR)
    with pytest.raises(kind, match=what):
        checker().request(asked, {**GROUP_CURSOR, **change})


def test_narrower_models_are_chosen_by_what_says_which_it_is() -> None:
    asked = operation("vault", "update_secret")
    checker().request(asked, {"secretContent": {"contentType": "BASE64", "content": "eA=="}})
    with pytest.raises(MissingParameter, match=r"secretContent\.contentType must say which"):
        checker().request(asked, {"secretContent": {"content": "eA=="}})
    with pytest.raises(InvalidParameter, match="'TEXT'; known are BASE64"):
        checker().request(asked, {"secretContent": {"contentType": "TEXT"}})


def test_places_in_lists_and_maps_are_named() -> None:
    put = operation("streaming", "put_messages")
    with pytest.raises(MissingParameter, match=r"messages\[1\]\.value must be there"):
        checker().request(put, {"messages": [{"value": ""}, {"key": ""}]})
    create = operation("ons", "create_topic")
    with pytest.raises(InvalidParameter, match=r"freeformTags\.a must be a text"):
        checker().request(create, {"name": "n", "compartmentId": "c", "freeformTags": {"a": 1}})


def test_parameters_are_the_operations() -> None:
    get = operation("streaming", "get_messages")
    checker().query(get, {"cursor": "c", "limit": "5"})
    with pytest.raises(MissingParameter, match="cursor"):
        checker().query(get, {"cursor": ""})
    with pytest.raises(InvalidParameter, match="takes no parameter 'offset'"):
        checker().query(get, {"cursor": "c", "offset": "5"})


def test_an_answer_of_the_local_cloud_that_is_none_is_a_bug_to_be_seen() -> None:
    get = operation("streaming", "get_messages")
    message = {
        "stream": "s",
        "partition": "0",
        "key": None,
        "value": "eA==",
        "offset": 0,
        "timestamp": "2026-01-01T00:00:00Z",
    }
    checker().answer(get, [message])
    with pytest.raises(BadAnswer, match=r"get_messages is none: \[0\]\.offset must be a whole"):
        checker().answer(get, [{**message, "offset": "0"}])
    with pytest.raises(BadAnswer, match=r"\[0\]\.key must be there"):
        checker().answer(get, [{name: message[name] for name in message if name != "key"}])
    assert BadAnswer.status == 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "key", "value", "type", "secretContent", "contentType"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    JSON,
    st.sampled_from(
        [("streaming", "put_messages"), ("streaming", "create_cursor"), ("vault", "update_secret")]
    ),
)
def test_any_document_is_taken_or_refused(document: object, name: tuple[str, str]) -> None:
    with contextlib.suppress(OciError):
        checker().request(operation(*name), document)


def test_every_model_that_an_operation_names_is_known() -> None:
    catalogue: Catalogue = checker().catalogue
    for one in catalogue.operations:
        for named in (one.body, one.response):
            plain = (named or "stream").removeprefix("list[").removesuffix("]")
            assert plain in ("stream", "str") or (one.service, plain) in catalogue.models, one
    assert len(catalogue.operations) > 80


def test_without_an_sdk_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="scripts/setup --oci"):
        Catalogue.installed(tmp_path / "bin/python", tmp_path)


def test_what_the_sdk_says_is_asked_for_once(tmp_path: Path) -> None:
    first = Catalogue.installed(serving.SDK_PYTHON, tmp_path)
    (kept,) = tmp_path.iterdir()
    written = kept.stat().st_mtime_ns
    assert Catalogue.installed(serving.SDK_PYTHON, tmp_path).operations == first.operations
    assert kept.stat().st_mtime_ns == written
    assert Checker(first).catalogue.methods("/20180418/streams/s/messages") == {"GET", "POST"}
