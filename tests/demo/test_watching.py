"""What the demo says of a function's problems."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.demo.watching import Watch
from localcloud.functions.logs import LogLine


def seen(*lines: Any) -> Watch:
    watch = Watch()
    for line in lines:
        text = line if isinstance(line, str) else json.dumps(line)
        watch.see(LogLine("enrich", 1, text))
    return watch


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"level": "ERROR", "message": "no table"}, "no table"),
        ({"level": "WARNING", "message": "batch", "report": {"failed": 1}}, "batch"),
        ({"level": "WARNING", "message": "m", "report": "none"}, "m"),
        (
            {"level": "WARNING", "message": "batch", "report": {"problems": {"a": "x", "b": "y"}}},
            "a: x; b: y",
        ),
    ],
)
def test_the_latest_problem_is_told_in_words(line: Any, words: str) -> None:
    watch = seen(
        {"level": "ERROR", "message": "older"}, line, "plain", "{broken", {"level": "INFO"}
    )
    assert watch.latest_problem == words


def test_there_may_be_none() -> None:
    assert seen("plain", {"level": "INFO", "message": "all is well"}).latest_problem == ""
