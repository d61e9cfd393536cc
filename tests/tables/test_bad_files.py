"""Bad lines are passed on as they stand, with their numbers; unreadable files are named."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.table_rows import Line
from millrace.tables import read_events

from tests.tables.reading import DEFINITIONS, documents, read


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
        (
            gzip.compress(b"{}\n" * 9, mtime=0)[:-9],
            "e.gz",
            "e.gz, line 1: the gzip file is damaged",
        ),
        (gzip.compress(b"{}\n", mtime=0)[:5], "e.gz", "the gzip file is damaged"),
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
