"""Handlers as Lambda loads them: the file by itself, with its environment, beside its clouds."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from millrace import aws

from tests.features.conftest import SHIPPED

LAMBDAS = Path(__file__).parents[2] / "lambdas"

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a function of its invocation."""

    remaining_ms: int = 30_000
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "8f7e6d5c-4b3a-4291-8807-060504030201"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class Handler:
    """A loaded handler, and what it has printed: lines of its log, and metrics."""

    def __init__(self, call: Callable[[object, object], Any], out: io.StringIO) -> None:
        self.call = call
        self.out = out
        self.context = Context()

    def __call__(self, event: object) -> Any:
        with contextlib.redirect_stdout(self.out):
            return self.call(event, self.context)

    def printed(self) -> list[dict[str, Any]]:
        """What was printed since it was last asked."""
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return [json.loads(line) for line in text.splitlines()]


@contextlib.contextmanager
def handler(function: str, environment: Mapping[str, str]) -> Iterator[Handler]:
    """The handler of a function, loaded anew: nothing that another has made is used again."""
    out = io.StringIO()
    # Powertools keeps one logger a name, with the output that it was made with.
    name = {"POWERTOOLS_SERVICE_NAME": f"{function}-{next(_numbers)}"}
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in {**_ALWAYS, **name, **environment}.items():
            patch.setenv(variable, value)
        _forget()
        with contextlib.redirect_stdout(out):
            loaded = _load(LAMBDAS / function / "app.py", f"{function}_app")
        yield Handler(loaded.handler, out)
    _forget()


def _load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _forget() -> None:
    aws.client.cache_clear()  # type: ignore[attr-defined]  # behind its overloads
    aws._session.cache_clear()


_ALWAYS = {
    "AWS_ACCESS_KEY_ID": "AKIDLOCAL",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "MILLRACE_FEATURES": str(SHIPPED),
    "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
