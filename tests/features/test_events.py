"""Events from the user's own JSON: keys, ids, types, and whatever else a document may hold."""

from __future__ import annotations

import os
import subprocess
import sys

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.errors import InvalidEvent
from millrace.events import MISSING, Event, EventReader
from millrace.features.definitions import load
from millrace.features.definitions_parser import parse

from tests.features.conftest import SHIPPED
from tests.features.making import JSON, START_MS, outcome

SHIPPED_READER = EventReader(load(SHIPPED))
VALID = {"eventId": "e", "userId": "u", "eventType": "view", "timestamp": START_MS, "metric": 1}
NESTED_READER = EventReader(
    parse(
        """
        version = 1
        [event]
        id = "meta.id"
        time = "meta.at"
        type = "kind"
        [event.numbers.price]
        field = "order.price.net"
        scale = 2
        [event.categories.item]
        field = "order.item"
        [entity.buyer]
        key = "order.buyer"
        [entity.shop]
        key = "order.shop"
        """
    )
)


def event(**changes: object) -> Event:
    return SHIPPED_READER.from_document({**VALID, **changes}, START_MS)


def refused(**changes: object) -> InvalidEvent:
    found = outcome(lambda: event(**changes))
    assert isinstance(found, InvalidEvent)
    return found


def test_both_shapes_of_the_tutorials() -> None:
    metric = b'{"userId": "u1", "metric": 42.5, "timestamp": "2023-11-14T22:13:20Z"}'
    typed = b'{"userId": "u1", "eventType": "click", "timestamp": "2023-11-14T22:13:20Z"}'
    assert SHIPPED_READER.read(metric, START_MS) == (None, 0, START_MS, "", ("u1",), (425_000,))
    assert SHIPPED_READER.read(typed, START_MS) == (None, 0, START_MS, "click", ("u1",), (MISSING,))


def test_fields_that_the_mapping_does_not_name_are_ignored() -> None:
    more = {"metrics": "x", "userid": 5, "deep": {"a": [1, {"b": None}]}, "": [], "type": 7}
    assert event(**more) == event()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"nope", b'{"a": 1}{', b"\xef\xbb\xbf{}"])
def test_what_is_no_json_says_so(data: bytes) -> None:
    found = outcome(lambda: SHIPPED_READER.read(data, START_MS))
    assert isinstance(found, InvalidEvent)
    assert found.reason == "not-json"


@pytest.mark.parametrize("data", [b"[]", b"[{}]", b'"text"', b"5", b"null", b"true"])
def test_json_that_is_no_object_says_so(data: bytes) -> None:
    found = outcome(lambda: SHIPPED_READER.read(data, START_MS))
    assert isinstance(found, InvalidEvent)
    assert found.reason == "not-an-object"


@pytest.mark.parametrize("name", ["userId", "timestamp"])
def test_what_every_event_must_have(name: str) -> None:
    nothing: tuple[object, ...] = ("", [], {})
    for value in nothing:
        wrong = refused(**{name: value})
        assert wrong.reason == f"invalid-{name}"
        assert str(wrong).startswith(f"{name} must be ")
    assert str(refused(**{name: None})) == f"{name} is missing"
    without = {key: value for key, value in VALID.items() if key != name}
    found = outcome(lambda: SHIPPED_READER.from_document(without, START_MS))
    assert isinstance(found, InvalidEvent)
    assert str(found) == f"{name} is missing"


# Keys and ids.


@pytest.mark.parametrize("number", [0, 7, -7, 2**63])
def test_a_number_as_key_or_id_becomes_text(number: int) -> None:
    found = event(userId=number, eventId=number)
    assert (found.keys, found.id) == ((str(number),), str(number))
    assert found == event(userId=str(number), eventId=str(number))


@pytest.mark.parametrize("value", [1.5, True, False, [], ["u"], {}, ""])
def test_what_is_neither_text_nor_integer_is_no_key_and_no_id(value: object) -> None:
    assert refused(userId=value).reason == "invalid-userId"
    assert refused(eventId=value).reason == "invalid-eventId"


@pytest.mark.parametrize("name", ["userId", "eventId"])
def test_keys_and_ids_have_at_most_256_bytes(name: str) -> None:
    for longest in ("k" * 256, "€" * 85, "\U0001f600" * 64):
        found = event(**{name: longest})
        assert longest in (found.id, *found.keys)
    for longer in ("k" * 257, "€" * 86, "\U0001f600" * 65):
        message = str(refused(**{name: longer}))
        assert message == f"{name} has {len(longer.encode())} bytes; at most 256"


def test_an_id_is_optional_and_its_hash_is_not_zero() -> None:
    assert event(eventId=None)[:2] == (None, 0)
    hashes = {event(eventId=f"e{n}").id_hash for n in range(1000)}
    assert len(hashes) == 1000
    assert all(0 < hashed < 2**64 for hashed in hashes)


def test_hashes_do_not_depend_on_the_process() -> None:
    script = (
        "from tests.features.test_events import *\n"
        "from millrace.events import category_identity\n"
        "print(event().id_hash, category_identity('i'))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


# Types.


def test_a_type_is_text_of_64_characters_without_nul_and_optional() -> None:
    assert event(eventType=None).type == event(eventType="").type == ""
    longest = "€" * 64
    assert event(eventType=longest).type == longest
    all_wrong: tuple[object, ...] = ("€" * 65, "a\0b", "\0", 5, 1.5, True, [], {})
    for wrong in all_wrong:
        assert refused(eventType=wrong).reason == "invalid-eventType"


def test_a_message_shows_the_value_but_never_a_megabyte_of_it() -> None:
    message = str(refused(metric="x" * 1_000_000))
    assert "metric must be a finite number" in message
    assert "'xxx" in message
    assert len(message) < 200


# Dotted paths, a second entity.


def test_fields_are_found_in_nested_objects() -> None:
    document = {
        "meta": {"id": "e1", "at": START_MS},
        "kind": "buy",
        "order": {"price": {"net": 12.345}, "item": "i1", "buyer": "b1", "shop": 7},
    }
    found = NESTED_READER.from_document(document, START_MS)
    assert (found.id, found.time_ms, found.type) == ("e1", START_MS, "buy")
    assert found.keys == ("b1", "7")
    assert found.fields[0] == 1234
    assert found.fields[1] not in (0, MISSING)


@pytest.mark.parametrize("order", [{"buyer": "b"}, {"buyer": "b", "price": 5, "shop": None}])
def test_a_path_into_nothing_is_a_missing_field(order: dict[str, object]) -> None:
    document = {"meta": {"at": START_MS}, "order": order}
    found = NESTED_READER.from_document(document, START_MS)
    assert (found.id, found.keys, found.fields) == (None, ("b", None), (MISSING, MISSING))


def test_a_wrong_nested_value_is_named_by_its_path() -> None:
    document = {"meta": {"at": START_MS}, "order": {"buyer": "b", "shop": []}}
    found = outcome(lambda: NESTED_READER.from_document(document, START_MS))
    assert isinstance(found, InvalidEvent)
    assert str(found) == "order.shop must be a text that is not empty but is []"


def test_a_flat_field_with_a_dot_in_its_name_is_not_a_path() -> None:
    document = {"meta.at": START_MS, "meta": {"at": START_MS + 1}, "order": {"buyer": "b"}}
    assert NESTED_READER.from_document(document, START_MS + 1).time_ms == START_MS + 1


# Whatever JSON holds.

FIELDS = ("meta", "kind", "order", *VALID)
READERS = st.sampled_from((SHIPPED_READER, NESTED_READER))


def assert_event_or_reason(found: Event | InvalidEvent) -> None:
    if isinstance(found, InvalidEvent):
        # Both go into a quarantine object.
        assert found.reason
        assert orjson.loads(orjson.dumps(str(found))) == str(found) != ""
    else:
        assert found.keys[0]
        assert "\0" not in found.type
        assert (found.id is None) == (found.id_hash == 0)


@settings(max_examples=300)
@given(READERS, st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_value_in_any_field(reader: EventReader, changes: dict[str, object]) -> None:
    document = {**VALID, "meta": {"at": START_MS}, "order": {"buyer": "b"}, **changes}
    assert_event_or_reason(outcome(lambda: reader.from_document(document, START_MS)))


@settings(max_examples=200)
@given(READERS, JSON)
def test_any_document(reader: EventReader, document: object) -> None:
    assert_event_or_reason(outcome(lambda: reader.from_document(document, START_MS)))


@settings(max_examples=200)
@given(READERS, st.binary(max_size=60) | JSON.map(lambda value: repr(value).encode()))
def test_any_bytes(reader: EventReader, data: bytes) -> None:
    assert_event_or_reason(outcome(lambda: reader.read(data, START_MS)))
