"""Cases from a file: TOML, JSON, and the list that tutorials have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.lambda_layers.cases import Case, Cases, Kind, differs, read

TOML = """
may-shadow = ["certifi"]

[[case]]
name = "sdk"
kind = "import"
modules = ["boto3", "botocore"]

[[case]]
name = "start"
kind = "cold-start"
modules = ["boto3"]
client = "dynamodb"
at-most-ms = 900
processes = 5

[[case]]
name = "answers"
kind = "handler"
code = "code"
files = ["features.toml"]
events = ["events/*.json"]
expect = {statusCode = 200}
environment = {TABLE = "t", NUMBER = 1}
timeout-s = 10
memory-mb = 256
"""
TUTORIAL = [
    {"test_name": "requests_import", "test_type": "import_test", "module": "requests"},
    {"test_name": "performance_baseline", "test_type": "performance_test"},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the file stands, with what it names."""
    for name in ("code/app.py", "events/b.json", "events/a.json", "features.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    return tmp_path


def written(folder: Path, text: str, name: str = "cases.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_all_that_a_case_may_say(folder: Path) -> None:
    assert read(written(folder, TOML)) == Cases(
        (
            Case(name="sdk", kind=Kind.IMPORT, modules=("boto3", "botocore")),
            Case(
                name="start",
                kind=Kind.COLD_START,
                modules=("boto3",),
                client="dynamodb",
                at_most_ms=900,
                processes=5,
            ),
            Case(
                name="answers",
                kind=Kind.HANDLER,
                code=folder / "code",
                files=(folder / "features.toml",),
                events=(folder / "events/a.json", folder / "events/b.json"),
                expect={"statusCode": 200},
                environment={"TABLE": "t", "NUMBER": "1"},
                timeout_s=10,
                memory_mb=256,
            ),
        ),
        ("certifi",),
    )


def test_the_tutorials_list_is_understood(folder: Path) -> None:
    found = read(written(folder, json.dumps(TUTORIAL), "cases.json"))
    assert [(one.name, one.kind, one.modules) for one in found.cases] == [
        ("requests_import", Kind.IMPORT, ("requests",)),
        ("performance_baseline", Kind.COLD_START, ()),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[case]]\nkind = 'x'", r"case 1: kind is 'x', but must be one of import, cold-start"),
        ("[[case]]\nmodul = 'x'", r"case 1: 'modul' is unknown; there are name, kind, module"),
        ("[[case]]\nmodules = 'x'", "case 1: modules is 'x', which is of a wrong type"),
        ("[[case]]\nprocesses = true\nmodule = 'x'", "processes is True, which is of a wrong type"),
        ("[[case]]\nname = 'n'", r"case 1 \(n\) imports nothing: name its module"),
        ("[[case]]\nkind = 'handler'", "code is None, but must be the folder of the handler"),
        ("[[case]]\nkind = 'handler'\ncode = 'no'", "code is .*no, but must be the folder"),
        ("[[case]]\nmodule = 'x'\nevent = 'y*.json'", r"case 1: no file is called y\*.json"),
        ("[[case]]\nmodule = 'x'\nprocesses = 0", "processes must be 1 or more"),
        ("[[case]]\nname='a'\nmodule='x'\n[[case]]\nname='a'\nmodule='y'", "two cases are called"),
        ("cases = []", "'cases' is unknown; there are case, may-shadow"),
        ("case = 1", "holds no list of cases"),
        ("case = [1]", "case 1 is 1, but must be a table"),
        ("=", "cases.toml cannot be read"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(written(folder, text))


@given(JSON)
def test_an_answer_holds_itself(value: object) -> None:
    assert differs(value, value) is None


@given(st.dictionaries(st.text(), JSON, max_size=4), st.text(), JSON)
def test_an_answer_may_hold_more(value: dict[str, object], key: str, more: object) -> None:
    expected = {name: one for name, one in value.items() if name != key}
    assert differs({**value, key: more}, expected) is None


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        ({}, {"a": 1}, "answer has no 'a'"),
        ({"a": [1, 2]}, {"a": [1]}, r"answer.a is [1, 2], not [1]"),
        (None, {"a": 1}, "answer is None, not {'a': 1}"),
    ],
)
def test_what_an_answer_lacks_is_named(answer: object, expected: object, words: str) -> None:
    assert differs(answer, expected) == words
