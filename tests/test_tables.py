"""Files of events: every format, and everything that can be wrong with one."""

from __future__ import annotations

import csv
import doctest
import gzip
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace import paths, table_rows, tables
from millrace.errors import ConfigurationError
from millrace.events import EventReader
from millrace.features.definitions_parser import parse
from millrace.table_rows import Line
from millrace.tables import Format, parse_mapping, read_events

DEFINITIONS = parse("""
version = 1
[event.numbers.metric]
[event.numbers.price]
field = "detail.price"
[event.categories.item]
field = "itemId"
[entity.user]
key = "userId"
""")
YOOCHOOSE = (
    Path(__file__).parents[2] / "shared/data/yoochoose" / ("yoochoose-clicks-100k_train_full.txt")
)


def read(
    content: bytes | str,
    name: str = "events.csv",
    mapping: Mapping[str, str] | None = None,
    form: Format | None = None,
) -> list[Line]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_events(io.BytesIO(raw), name, DEFINITIONS, mapping, form))


def documents(content: bytes | str, name: str = "events.csv", **more: Any) -> list[Any]:
    return [line.document for line in read(content, name, **more)]


@pytest.mark.parametrize("module", [tables, table_rows, paths], ids=lambda each: each.__name__)
def test_the_examples_are_true(module: Any) -> None:
    result = doctest.testmod(module)
    assert (result.attempted > 0, result.failed) == (True, 0)


# What becomes of cells.


def test_only_the_time_and_the_numbers_become_numbers() -> None:
    (event,) = documents(
        "userId,itemId,timestamp,metric,detail.price,note.size,eventId\n"
        "007,42,1396437466.94,12,-3.50,9,5\n"
    )
    assert event == {
        "userId": "007",
        "itemId": "42",
        "timestamp": 1396437466.94,
        "metric": 12,
        "detail": {"price": -3.5},
        "note.size": "9",
        "eventId": "5",
    }
    assert type(event["metric"]) is int


@pytest.mark.parametrize(
    "text", ["n/a", "1_000", "0x10", "nan", "inf", "1e999", "٣", "1,5", "--1", "."]
)
def test_what_is_no_finite_number_stays_text(text: str) -> None:
    assert documents(f"metric\tuserId\n{text}\tu\n", "e.tsv") == [{"metric": text, "userId": "u"}]


def test_an_empty_cell_is_a_field_that_is_missing() -> None:
    assert documents("userId,eventType,metric\nu,,\n") == [{"userId": "u"}]


def test_a_time_as_text_stays_text() -> None:
    (event,) = documents("userId,timestamp\nu,2014-04-07 10:51:09.277\n")
    assert event["timestamp"] == "2014-04-07 10:51:09.277"
    assert EventReader(DEFINITIONS).from_document(event, 2**42).time_ms == 1_396_867_869_277


@given(
    st.lists(
        st.fixed_dictionaries(
            {name: st.text(st.characters(codec="utf-8"), max_size=8) for name in ("userId", "a b")}
        ),
        max_size=8,
    ),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_whatever_a_csv_writer_writes_is_read_back(
    rows: list[dict[str, str]], delimiter: str, ending: str, packed: bool
) -> None:
    written = io.StringIO()
    writer = csv.DictWriter(
        written,
        ("userId", "a b"),
        delimiter=delimiter,
        lineterminator=ending,
        quoting=csv.QUOTE_ALL,
    )
    writer.writeheader()
    writer.writerows(rows)
    raw = written.getvalue().encode()
    found = documents(gzip.compress(raw) if packed else raw)
    assert found == [{name: text for name, text in row.items() if text} for row in rows]


# The mapping.


def test_a_mapping_renames_columns_and_nests_dotted_fields() -> None:
    mapping = parse_mapping(
        "userId=SessionId,detail.user.item=ItemId", "timestamp=Time,kind=ItemId"
    )
    (event,) = documents(
        "SessionId\tItemId\tTime\tX\n3\t21\t1.5\ty\n", "clicks.txt", mapping=mapping
    )
    assert event == {
        "userId": "3",
        "detail": {"user": {"item": "21"}},
        "timestamp": 1.5,
        "kind": "21",
        "X": "y",
    }


def test_a_mapped_column_wins_over_one_of_that_name() -> None:
    assert documents("userId,session\nx,s\n", mapping={"userId": "session"}) == [{"userId": "s"}]


def test_json_fields_are_mapped_too() -> None:
    lines = '{"who": {"id": "u"}, "t": 1, "rest": 2}\n{"t": 2}\n'
    mapping = {"userId": "who.id", "timestamp": "t"}
    assert documents(lines, "e.jsonl", mapping=mapping) == [
        {"who": {"id": "u"}, "rest": 2, "userId": "u", "timestamp": 1},
        {"timestamp": 2},
    ]


def test_two_fields_can_change_places() -> None:
    assert documents('{"a": 1, "b": 2}', "e.jsonl", mapping={"a": "b", "b": "a"}) == [
        {"a": 2, "b": 1}
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("userId", "'userId' in a column mapping must be FIELD=COLUMN"),
        ("=x", "'=x'"),
        ("a=b,,c=d", "''"),
        ("a.=b", "'a.=b'"),
        ("a=b,a=c", "names 'a' twice, as 'b' and 'c'"),
    ],
)
def test_a_wrong_mapping_is_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        parse_mapping(text)


def test_no_mapping_is_an_empty_one() -> None:
    assert parse_mapping() == parse_mapping("", " ") == {}


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("SessionId,Time\n1,2\n", mapping={"userId": "SessionID"})
    assert str(caught.value) == (
        "events.csv, line 1: there is no column 'SessionID' for userId; there are: SessionId, Time."
        " Did you mean 'SessionId'?"
    )


# Formats.


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


# Bad lines: passed on as they stand, with their numbers.


def test_bad_json_lines_are_passed_on_raw() -> None:
    found = read(b'{"userId": "a"}\n\n{oops\n[1, 2]\n\xff\xfe\nnull\n{"userId": "b"}', "e.jsonl")
    assert [line.number for line in found] == [1, 3, 4, 5, 6, 7]
    assert [line.document for line in found] == [
        {"userId": "a"},
        b"{oops",
        [1, 2],
        b"\xff\xfe",
        None,
        {"userId": "b"},
    ]
    assert [bool(line.problem) for line in found] == [False, True, False, True, False, False]
    assert found[1].problem.startswith("not valid JSON: ")


def test_rows_that_do_not_fit_the_header_are_passed_on_raw() -> None:
    found = read(b"userId,x\nu\nu,1,2\nu,1\n\xe9t\xe9,1\n")
    assert found == [
        Line(2, b"u", "a row of 1 cells, where the header has 2"),
        Line(3, b"u,1,2", "a row of 3 cells, where the header has 2"),
        Line(4, {"userId": "u", "x": "1"}),
        Line(5, b"\xe9t\xe9,1", "not UTF-8 text"),
    ]


def test_a_stray_quote_costs_its_own_line_only() -> None:
    found = read('userId,x\n"a,1\nb,2\nc,"3"\n"d"e,4\nf,5\n"g\nh",6\n"i,7')
    assert [(line.number, line.document) for line in found] == [
        (2, b'"a,1'),
        (3, {"userId": "b", "x": "2"}),
        (4, {"userId": "c", "x": "3"}),
        (5, b'"d"e,4'),
        (6, {"userId": "f", "x": "5"}),
        (7, {"userId": "g\nh", "x": "6"}),
        (9, b'"i,7'),
    ]


@given(st.binary(max_size=300), st.sampled_from(["e.csv", "e.tsv", "e.jsonl", "-"]))
def test_whatever_bytes_come_every_line_is_accounted_for(noise: bytes, name: str) -> None:
    """Nothing but our own error, and no text of the file is lost."""
    raw = b"{}\n" + noise if name == "e.jsonl" else b"userId,x\tu\n" + noise
    try:
        found = read(raw, name)
    except ConfigurationError:
        return
    numbers = [line.number for line in found]
    assert numbers == sorted(set(numbers))
    if name == "e.jsonl":
        kept = [line for line in raw.split(b"\n") if line.strip()]
        assert len(found) == len(kept)
        for line, text in zip(found, kept, strict=True):
            assert not line.problem or line.document == text.strip()


# Files that cannot be read at all.


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"\xff\xfeu\x00", "e.csv", "e.csv is UTF-16 text"),
        (b"PAR1\x15\x04", "e.parquet", "e.parquet is a Parquet file"),
        (b"PK\x03\x04...", "e.xlsx", "a ZIP archive or a spreadsheet"),
        (b"userId,userId\n", "e.csv", "e.csv, line 1: the column 'userId' stands there twice"),
        (b'"userId,x\n', "e.csv", "e.csv, line 1: the header cannot be read"),
        (b"us\xe9r,x\n", "e.csv", "e.csv, line 1: the header is not UTF-8"),
        (b"[\n{}\n]", "e.json", "e.json, line 1: a JSON list that spans lines"),
        (b"{}\n{}\n" + b"x" * (8 << 20) + b"\n", "e.jsonl", "e.jsonl, line 3: is longer than 8 MB"),
        (gzip.compress(b"{}\n" * 9)[:-9], "e.gz", "e.gz, line 1: the gzip file is damaged"),
        (gzip.compress(b"{}\n")[:5], "e.gz", "the gzip file is damaged"),
    ],
)
def test_an_unreadable_file_is_named_with_its_line(content: bytes, name: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        read(content, name)


def test_columns_without_a_name_are_numbered() -> None:
    assert documents(",userId\n0,u\n") == [{"column1": "0", "userId": "u"}]


def test_a_read_that_fails_names_the_line() -> None:
    left = [b"{}\n", b"{}\n"]

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            if not left:
                raise OSError("the disk is gone")
            data = left.pop()
            buffer[: len(data)] = data
            return len(data)

    found = read_events(io.BufferedReader(Broken()), "e.jsonl", DEFINITIONS)
    assert [next(found).number, next(found).number] == [1, 2]
    with pytest.raises(ConfigurationError, match=r"e\.jsonl, line 3: cannot be read: the disk"):
        next(found)


# A real file.


@pytest.fixture
def clicks() -> Iterator[io.BufferedReader]:
    if not YOOCHOOSE.is_file():
        pytest.skip(f"no {YOOCHOOSE.name} here")
    with YOOCHOOSE.open("rb") as stream:
        yield stream


def test_yoochoose_is_read_whole(clicks: io.BufferedReader) -> None:
    mapping = parse_mapping("userId=SessionId,itemId=ItemId,timestamp=Time")
    found = list(read_events(clicks, YOOCHOOSE.name, DEFINITIONS, mapping))
    reader = EventReader(DEFINITIONS)
    events = [reader.from_document(line.document, 2**42) for line in found]
    assert len(events) == YOOCHOOSE.read_bytes().count(b"\n") - 1
    assert found[0] == Line(2, {"userId": "3", "itemId": "214716935", "timestamp": 1396437466.94})
    assert events[0].keys == ("3",)
