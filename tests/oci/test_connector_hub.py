"""Connector Hub's payload: every record comes out, decoded or whole with its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.anomaly.metrics import read
from millrace.connector_hub import Delivery, Rejected, Source, decode
from millrace.errors import InvalidEvent

from tests.oci.making import NOW_MS, STREAM, coded, payload, record


def test_a_record_comes_out_of_its_base64() -> None:
    (found,) = decode(payload([record({"id": 1}, 7, "höhe", "2")]))
    source = Source(STREAM, "2", 7)
    assert found == Delivery(source, "höhe".encode(), b'{"id": 1}', NOW_MS)


def test_a_bare_event_has_no_place() -> None:
    body = b'{"id": "a", "time": "2026-01-01T00:00:00Z", "metric": 1}'
    assert list(decode(body)) == [Delivery(None, None, body, None)]


def test_one_record_by_itself_is_a_record() -> None:
    (found,) = decode(json.dumps(record({"id": 1}, 7)).encode())
    assert isinstance(found, Delivery)
    assert found.source == Source(STREAM, "0", 7)


def test_times_of_arrival_may_be_iso() -> None:
    (found,) = decode(payload([record({}, 1) | {"timestamp": "2026-01-01T00:00:00Z"}]))
    assert isinstance(found, Delivery)
    assert found.arrival_ms == 1_767_225_600_000


@pytest.mark.parametrize("change", [{"timestamp": None}, {}])
def test_a_record_that_does_not_say_when_it_came_is_no_poison(change: dict[str, Any]) -> None:
    whole = record({"id": 1}, 7)
    del whole["timestamp"]
    assert list(decode(payload([whole | change]))) == [
        Delivery(Source(STREAM, "0", 7), b"cpu", b'{"id": 1}', None)
    ]


def test_bare_events_may_come_in_an_array() -> None:
    events = [{"id": "a", "metric": 1}, {"id": "b", "metric": 2, "series": "s", "time": 3}]
    found = list(decode(payload([events[0], record({"id": 1}, 7), events[1]])))
    assert [type(one) for one in found] == [Delivery] * 3
    assert [one.source for one in found] == [None, Source(STREAM, "0", 7), None]
    bare = [json.loads(one.data) for one in found if isinstance(one, Delivery)]
    assert bare == [events[0], {"id": 1}, events[1]]


@pytest.mark.parametrize("odd", ["NaN", "-Infinity", "1e999", "9" * 400, r'"\ud800"'])
def test_a_number_that_is_none_is_the_mistake_of_its_own_event(odd: str) -> None:
    body = f'[{{"id": "a", "metric": 1}}, {{"id": "b", "metric": {odd}}}]'.encode()
    good, bad = decode(body)
    assert good == Delivery(None, None, b'{"id": "a", "metric": 1}', None)
    assert isinstance(bad, Delivery)
    with pytest.raises(InvalidEvent, match="not valid JSON"):
        read(bad, NOW_MS)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_a_shell_of_windows_sends_is_read(encoding: str) -> None:
    text = '{"id": "a", "time": "2026-01-01", "metric": 1}'
    (found,) = decode(text.encode(encoding))
    assert found == Delivery(None, None, text.encode(), None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"null", "not-a-batch"),
        (b"17", "not-a-batch"),
    ],
)
def test_a_payload_that_is_none_is_kept_whole(body: bytes, reason: str) -> None:
    (found,) = decode(body)
    assert isinstance(found, Rejected)
    assert (found.reason, found.raw) == (reason, body)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": "%%%"}, "not-base64"),
        ({"value": coded("x")[:-1]}, "not-base64"),
        ({"value": None}, "not-base64"),
        ({"key": 17}, "not-base64"),
        ({"offset": "7"}, "not-a-stream-record"),
        ({"offset": -1}, "not-a-stream-record"),
        ({"offset": True}, "not-a-stream-record"),
        ({"stream": ""}, "not-a-stream-record"),
        ({"stream": None}, "not-a-stream-record"),
        ({"partition": "x" * 600}, "not-a-stream-record"),
        ({"timestamp": "yesterday"}, "not-a-stream-record"),
    ],
)
def test_a_bad_record_takes_no_other_with_it(change: dict[str, Any], reason: str) -> None:
    bad = record({}, 2) | change
    first, second, third = decode(payload([record({}, 1), bad, record({}, 3)]))
    assert isinstance(first, Delivery)
    assert isinstance(third, Delivery)
    assert isinstance(second, Rejected)
    assert second.reason == reason
    assert json.loads(second.raw) == bad


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_raises(body: bytes) -> None:
    assert list(decode(body))


finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), 1 << 63) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(json_values, max_size=5))
def test_every_record_comes_out(records: list[Any]) -> None:
    assert len(list(decode(json.dumps(records).encode()))) == len(records)


@pytest.mark.parametrize("depth", [100, 500])
def test_what_is_nested_deeply_is_kept_whole(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    (found,) = decode(b"[" + deep + b"]")
    assert isinstance(found, Rejected)
    assert found.raw == deep


def test_nesting_too_deep_to_write_is_no_crash() -> None:
    body = b"[" * 1020 + b"]" * 1020
    (found,) = decode(body)
    assert isinstance(found, Rejected)
