"""Files that the demo streams: every line is put, or named as refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError
from millrace.features.definitions import load
from millrace.features.definitions_parser import parse
from orjson import loads

from localcloud.demo.files import EventsFile

ROOT = Path(__file__).parents[2]
NOW_MS = 1_700_000_000_000


def file(path: Path, text: str | bytes, mapping: str = "") -> EventsFile:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return EventsFile(path, mapping, load(ROOT / "features.toml"), lambda: NOW_MS)


def test_columns_become_events_under_their_users_key(tmp_path: Path) -> None:
    text = "SessionId\tItemId\tTime\n3\t214716935\t1396437466.94\n4\t214832672\t1396438212.318\n"
    clicks = file(tmp_path / "clicks.txt", text, "userId=SessionId,itemId=ItemId,timestamp=Time")
    records = list(clicks.records())
    assert [record.partition_key for record in records] == ["3", "4"]
    assert records[0].data == b'{"userId":"3","itemId":"214716935","timestamp":1396437466.94}'
    assert (clicks.read, clicks.refused) == (2, [])


def test_what_is_no_event_goes_to_the_stream_as_it_stands(tmp_path: Path) -> None:
    lines = ['{"userId": "u"}', "{not json", '{"userId": "u", "timestamp": "2023-11-14T00:00:00Z"}']
    events = file(tmp_path / "events.jsonl", "\n".join(lines))
    assert [record.data for record in events.records()] == [
        b'{"userId":"u"}',
        b"{not json",
        b'{"userId":"u","timestamp":"2023-11-14T00:00:00Z"}',
    ]
    assert events.refused == []


def test_a_line_that_no_stream_takes_is_named(tmp_path: Path) -> None:
    large = '{"userId": "u", "timestamp": 1700000000, "text": "' + "x" * (1 << 20) + '"}'
    events = file(tmp_path / "events.jsonl", f'{{"userId": "u", "timestamp": 1700000000}}\n{large}')
    assert len(list(events.records())) == 1
    (refused,) = events.refused
    assert "line 2" in refused
    assert "1048576" in refused


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Cannot read"):
        list(EventsFile(tmp_path, "", load(ROOT / "features.toml"), lambda: NOW_MS).records())


def test_events_of_several_entities_get_ids_for_they_have_no_order_of_their_own(
    tmp_path: Path,
) -> None:
    definitions = parse('version = 1\n[entity.u]\nkey = "userId"\n[entity.item]\nkey = "itemId"')
    path = tmp_path / "events.csv"
    path.write_text("userId,itemId,timestamp,eventId\nu,i,1699999999,\nu,i,1699999999,mine\n")
    sent = [loads(one.data) for one in EventsFile(path, "", definitions, lambda: NOW_MS).records()]
    assert [one["userId"] for one in sent] == ["u", "u"]
    assert len(sent[0]["eventId"]) == 36
    assert sent[1]["eventId"] == "mine"
