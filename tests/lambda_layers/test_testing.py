"""Cases against a runtime of which the answers are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from millrace.lambda_layers.cases import Case, Kind
from millrace.lambda_layers.results import Result, Status
from millrace.lambda_layers.testing import PROBE, Answer, Function, defaults, run
from millrace.lambda_layers.tree import Entry

PROBED = {
    "runtime": "Python 3.13.1",
    "places": {"a": "/opt/python/a.py"},
    "import_ms": 20.0,
    "total_ms": 30.0,
    "peak_kb": 2048,
}


class FakeRuntime:
    """Answers what it is told to, in turn, and keeps what it was asked."""

    how = "a fake"
    mount = "/opt"
    probe = PROBE

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Function, list[Any]]] = []

    def call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        """As many answers as payloads."""
        self.asked.append((function, [json.loads(one) for one in payloads]))
        return [self.answers.pop(0) for _ in payloads]


def probed(**told: object) -> Answer:
    return Answer(json.dumps({**PROBED, **told}).encode(), duration_ms=90.0)


def tried(case: Case, *answers: Answer) -> Result:
    (found,) = run(FakeRuntime(*answers), [case])
    return found


IMPORT = Case(name="a is there", kind=Kind.IMPORT, modules=("a",))
START = Case(name="start", kind=Kind.COLD_START, modules=("a",), client="s3", processes=2)


def test_an_import_is_one_fresh_process() -> None:
    runtime = FakeRuntime(probed())
    (found,) = run(runtime, [IMPORT])
    assert (found.group, found.status) == ("imports", Status.PASSED)
    assert found.figures["import_ms"] == 20.0
    assert found.figures["peak_mb"] == 2.0
    (asked,) = runtime.asked
    assert asked[0].handler == "probe.handler"
    assert list(asked[0].files()) == ["probe.py"]
    assert asked[1] == [{"modules": ["a"], "client": None}]


def test_a_cold_start_is_the_least_of_several() -> None:
    answers = probed(total_ms=50.0), probed(total_ms=40.0, import_ms=35.0)
    found = tried(START, *answers)
    assert found.status is Status.PASSED
    assert (found.figures["total_ms"], found.figures["import_ms"]) == (40.0, 20.0)


def test_a_limit_is_held_by_the_least() -> None:
    case = Case(name="s", kind=Kind.COLD_START, processes=2, at_most_ms=40)
    assert tried(case, probed(total_ms=41), probed(total_ms=40)).status is Status.PASSED
    failed = tried(case, probed(total_ms=41), probed(total_ms=42))
    assert failed.status is Status.FAILED
    assert failed.message == "41 ms of the processor, of at most 40 ms"


def test_an_import_that_fails_says_why_with_the_log() -> None:
    answer = Answer(json.dumps({"error": "ImportError: no a"}).encode(), log="START\nEND\n")
    found = tried(IMPORT, answer)
    assert found.status is Status.FAILED
    assert found.message == "ImportError: no a\nSTART\nEND"


def test_a_function_that_died_says_so() -> None:
    body = b'{"errorType": "Runtime.ExitError", "errorMessage": "it ended"}'
    found = tried(IMPORT, Answer(body, "Runtime.ExitError"))
    assert found.message == "Runtime.ExitError: it ended"
    assert tried(IMPORT, Answer(b"", "X")).message == "X: no answer"


def test_a_module_of_the_runtime_proves_nothing_of_the_layer() -> None:
    found = tried(IMPORT, probed(places={"a": "/var/runtime/a.py"}))
    assert found.status is Status.WARNING
    assert found.message == "not of the layer: a comes from /var/runtime/a.py"


@pytest.fixture
def events(tmp_path: Path) -> tuple[Path, ...]:
    """Two sample events."""
    paths = (tmp_path / "one.json", tmp_path / "two.json")
    for number, path in enumerate(paths):
        path.write_text(json.dumps({"n": number}), encoding="utf-8")
    return paths


def test_a_handler_gets_every_event_and_each_is_a_test(
    tmp_path: Path, events: tuple[Path, ...]
) -> None:
    case = Case(
        name="h", kind=Kind.HANDLER, code=tmp_path, events=events, expect={"statusCode": 200}
    )
    runtime = FakeRuntime(Answer(b'{"statusCode": 200}'), Answer(b'{"statusCode": 500}'))
    one, two = run(runtime, [case])
    assert [asked[1] for asked in runtime.asked] == [[{"n": 0}, {"n": 1}]]
    assert (one.name, one.status) == ("h [one.json]", Status.PASSED)
    assert (two.name, two.status) == ("h [two.json]", Status.FAILED)
    assert two.message == "answer.statusCode is 500, not 200"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"{}", "ValueError"), ""),
        (Answer(b"{}", "KeyError"), "it ended with KeyError, not ValueError"),
        (Answer(b"{}"), "it ended with an answer, not ValueError"),
    ],
)
def test_a_handler_may_be_meant_to_fail(tmp_path: Path, answer: Answer, words: str) -> None:
    case = Case(name="h", kind=Kind.HANDLER, code=tmp_path, error="ValueError")
    found = tried(case, answer)
    assert found.message == words
    assert found.status is (Status.FAILED if words else Status.PASSED)


def test_an_answer_that_is_no_json_holds_nothing(tmp_path: Path) -> None:
    case = Case(name="h", kind=Kind.HANDLER, code=tmp_path, expect={"a": 1})
    assert tried(case, Answer(b"<html>")).message == "the answer is no JSON: b'<html>'"


def entries(*paths: str) -> list[Entry]:
    return [Entry(path, 0o644, 1, "") for path in paths]


def test_without_cases_every_module_at_the_top_is_imported_and_then_all() -> None:
    found = defaults(
        entries(
            "python/boto3/__init__.py",
            "python/boto3/data/s3/2006-03-01/resources-1.json",
            "python/botocore/data/s3/2006-03-01/service-2.json",
            "python/botocore/data/endpoints.json",
            "python/six.py",
            "python/fast.cpython-313-x86_64-linux-gnu.so",
            "python/google/protobuf/__init__.py",
            "python/six-1.0.dist-info/METADATA",
            "python/six.pyi",
            "lib/x.py",
        ),
        (),
    )
    assert [one.modules for one in found] == [
        ("boto3",),
        ("fast",),
        ("six",),
        ("boto3", "fast", "six"),
    ]
    assert found[-1].client == "s3"
    assert defaults(entries("lib/x.so"), ()) == []
