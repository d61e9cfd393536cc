"""All forms of a partial batch answer, and what they mean."""

from __future__ import annotations

import json

import pytest

from localcloud.event_source_mapping.answer import read_answer
from localcloud.event_source_mapping.batch import Batch, Outcome
from localcloud.event_source_mapping.event import QueuedRecord
from localcloud.ports import Invocation

from .fakes import item_failures

# As text the last sorts before the first; as an integer it comes after.
NUMBERS = ["97", "98", "99", "100"]
BATCH = Batch(tuple(QueuedRecord(n, number, 0, b"{}") for n, number in enumerate(NUMBERS)))
SUCCESS = Outcome(4, failed=False)
WHOLE_BATCH = Outcome(0, failed=True)


def outcome(answer: object, *, error: str | None = None, report: bool = True) -> Outcome:
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_answer(Invocation(payload, error, 1.0), BATCH, report_item_failures=report)


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": []},
        {"batchItemFailures": None},
        {},
        {"processed": 4},
        None,
        "",
        [],
        b"",
        b"  \n",
    ],
)
def test_no_failures_are_success(answer: object) -> None:
    assert outcome(answer) == SUCCESS


@pytest.mark.parametrize(
    ("failures", "done"),
    [(["98"], 1), (["100"], 3), (["100", "98"], 1), (["99", "100", "99"], 2)],
)
def test_the_lowest_failure_is_the_checkpoint(failures: list[str], done: int) -> None:
    assert outcome(item_failures(*failures)) == Outcome(done, failed=True)


def test_a_failure_of_the_first_record_leaves_nothing_done() -> None:
    assert outcome(item_failures("97", "99")) == WHOLE_BATCH


@pytest.mark.parametrize(
    "answer",
    [
        item_failures("12345"),
        item_failures(""),
        item_failures(None),
        item_failures(98),
        item_failures("99", "12345"),
        {"batchItemFailures": [{"identifier": "98"}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": ["98"]},
        {"batchItemFailures": [None]},
        {"batchItemFailures": {"itemIdentifier": "98"}},
        {"batchItemFailures": "98"},
        "processed 4 records",
        [1],
        True,
        b"not JSON",
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_understood_fails_the_whole_batch(answer: object) -> None:
    assert outcome(answer) == WHOLE_BATCH


def test_an_error_fails_the_whole_batch_whatever_it_says() -> None:
    expected = Outcome(0, failed=True, error="ValueError")
    assert outcome({"batchItemFailures": []}, error="ValueError") == expected
    assert outcome(None, error="ValueError", report=False) == expected


@pytest.mark.parametrize("answer", [item_failures("98"), item_failures(""), "text", b"not JSON"])
def test_answers_are_ignored_unless_reporting_is_on(answer: object) -> None:
    assert outcome(answer, report=False) == SUCCESS
