"""What clients may send: taken, or refused with a code; never a crash."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.oci.cursors import Cursor
from localcloud.oci.documents import Body, messages_of
from localcloud.oci.errors import InvalidParameter, MissingParameter, OciError

NAMES = st.sampled_from(["messages", "key", "value", "type", "time", "other"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def told(document: object) -> Body:
    return Body.of(json.dumps(document).encode())


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_messages_are_read_with_and_without_a_key() -> None:
    entries = [{"key": coded("k"), "value": coded("v")}, {"key": None, "value": coded("w")}]
    assert messages_of(told({"messages": entries})) == [(b"k", b"v"), (None, b"w")]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ([], InvalidParameter),
        ({}, MissingParameter),
        ({"messages": [1]}, InvalidParameter),
        ({"messages": [{}]}, MissingParameter),
        ({"messages": [{"value": "no base64!"}]}, InvalidParameter),
        ({"messages": [{"value": 1}]}, InvalidParameter),
        ({"messages": [{"value": "", "other": ""}]}, InvalidParameter),
    ],
)
def test_what_is_no_put_is_refused(document: Any, kind: type[OciError]) -> None:
    with pytest.raises(kind):
        messages_of(told(document))


@given(JSON)
def test_any_document_is_taken_or_refused(document: object) -> None:
    for ask in (messages_of, lambda body: body.time_ms("time"), lambda body: body.text("type")):
        with contextlib.suppress(OciError):
            ask(told(document))


@given(st.binary(max_size=80))
def test_a_cursor_that_nobody_made_is_refused(content: bytes) -> None:
    for token in (base64.urlsafe_b64encode(content).decode(), content.decode("latin-1")):
        with pytest.raises(InvalidParameter, match="none that this service made"):
            Cursor.of(token, "s", 0)


def test_a_cursor_that_was_changed_is_refused() -> None:
    made = Cursor("s", 0, {"0": 3}, "g", "i", 1000)
    assert Cursor.of(made.token(), "s", 0) == made
    changed = base64.urlsafe_b64decode(made.token()).replace(b'"0":3', b'"0":4')
    with pytest.raises(InvalidParameter, match="none that this service made"):
        Cursor.of(base64.urlsafe_b64encode(changed).decode(), "s", 0)
    with pytest.raises(InvalidParameter, match="another stream's"):
        Cursor.of(made.token(), "t", 0)
