"""What the cells of a table, and the fields of a line, become in an event."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.events import EventReader
from millrace.tables import parse_mapping

from tests.tables.reading import DEFINITIONS, documents, read


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
