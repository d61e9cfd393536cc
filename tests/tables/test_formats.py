"""Formats are recognised, and files of any length are read line by line."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import Any

import pytest
from millrace.events import EventReader
from millrace.table_rows import Line
from millrace.tables import parse_mapping, read_events

from tests.tables.reading import DEFINITIONS, documents, read


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.csv", "userId,x\nu,1\n"),
        ("e.csv", "userId;x\r\nu;1\r\n"),
        ("e.CSV.gz", "userId|x\nu|1"),
        ("e.tsv", "userId\tx\nu\t1\n"),
        ("-", "userId\tx\n\nu\t1\n\n"),
        ("clicks.txt", "userId, x\nu,1\n"),
        ("e.jsonl", '{"userId": "u", "x": "1"}\n'),
        ("e.json", '\n {"userId": "u", "x": "1"}'),
        ("-", '{"userId": "u", "x": "1"}\r\n'),
        ("e.csv", "\ufeffuserId,x\nu,1\n"),
        ("e.jsonl", '\ufeff{"userId": "u", "x": "1"}\n'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_endings_and_first_lines_tell_the_format(name: str, content: str, packed: bool) -> None:
    raw = gzip.compress(content.encode()) if packed else content.encode()
    assert documents(raw, name) == [{"userId": "u", "x": "1"}]


def test_a_format_that_is_given_counts_more_than_the_name() -> None:
    assert documents("a,b\tc\n1,2\t3\n", "e.csv", form="tsv") == [{"a,b": "1,2", "c": "3"}]


@pytest.mark.parametrize("content", ["", "\n", "userId,x\n"])
def test_nothing_is_no_events(content: str) -> None:
    assert read(content) == []


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, b'{"userId": "a"}\n')
        os.write(writing, b'{"userId": "b"}\n')
        found = read_events(pipe, "-", DEFINITIONS)
        # The writer has not closed its end: the first event must not wait for the last.
        assert next(found) == Line(1, {"userId": "a"})
        os.close(writing)
        assert [line.document for line in found] == [{"userId": "b"}]


class Endless(io.RawIOBase):
    """A stream of rows without an end, which counts what is taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        rows = b"userId,metric\n" if not self.taken else b"user,1\n" * 1000
        buffer[: len(rows)] = rows
        self.taken += len(rows)
        return len(rows)


def test_a_file_of_any_length_is_read_line_by_line() -> None:
    endless = Endless()
    found = read_events(io.BufferedReader(endless), "e.csv", DEFINITIONS)
    for number in range(2, 5000):
        assert next(found) == Line(number, {"userId": "user", "metric": 1})
    assert endless.taken < 200_000


# A real file, where there is one: its licence keeps it out of the repository. Ours is of its shape.

YOOCHOOSE = Path(__file__).parents[3] / "shared/data/yoochoose/yoochoose-clicks-100k_train_full.txt"
CLICKS = "SessionId\tItemId\tTime\n" + "".join(
    f"{3 + n // 4}\t{214_000_000 + 7 * n % 50}\t{1_396_437_466 + 61.25 * n}\n" for n in range(500)
)


@pytest.mark.parametrize("path", [None, *([YOOCHOOSE] if YOOCHOOSE.is_file() else [])])
def test_a_table_of_clicks_is_read_whole(path: Path | None) -> None:
    content = CLICKS.encode() if path is None else path.read_bytes()
    mapping = parse_mapping("userId=SessionId,itemId=ItemId,timestamp=Time")
    found = read(content, "clicks.txt", mapping)
    reader = EventReader(DEFINITIONS)
    events = [reader.from_document(line.document, 2**42) for line in found]
    session, item, time_s = content.splitlines()[1].decode().split("\t")
    assert len(events) == content.count(b"\n") - 1
    assert found[0] == Line(2, {"userId": session, "itemId": item, "timestamp": float(time_s)})
    assert (events[0].keys, events[0].time_ms) == ((session,), round(float(time_s) * 1000))
