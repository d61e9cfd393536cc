"""Schemathesis against the document that the API serves, behind the local HTTP API.

Requests go through the gateway's own event building. What a schema cannot say is left to the
other tests: that a text's bound is in bytes, that a time must be one of the past.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import CHECKS

from localcloud.clock import RealClock
from localcloud.http_api.application import application
from localcloud.http_api.routes import Route
from localcloud.ports import Invocation
from tests.inference.making import Bench


class Function:
    """The API with fakes around it, invoked as a function is."""

    def __init__(self, **more: Any) -> None:
        self.bench = Bench(**more)

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        begun_s = time.monotonic()
        answer = self.bench.run(orjson.loads(payload), 30_000).answer
        return Invocation(orjson.dumps(answer), None, (time.monotonic() - begun_s) * 1000)


def served(**more: Any) -> schemathesis.BaseSchema:
    """The document as it is served, of an API at work."""
    function = Function(**more)
    routes = [Route(key, "predict") for key in function.bench.api._routes]
    app = application(routes, function, RealClock())
    return schemathesis.openapi.from_asgi("/openapi.json", app)


schema = served()
refusing = served(refuse_unknown=True)
# API Gateway answers 404 to a method that a path does not have.
NO_CHECK = ["unsupported_method"]


def check(case: Case[Any]) -> None:
    """Call, and hold the answer against the document."""
    response = case.call()
    excluded = list(NO_CHECK)
    if response.status_code == 400 and not _schema_could_say(response.json()):
        excluded.append("positive_data_acceptance")
    left_out: Any = CHECKS.get_by_names(excluded)  # of a wider type than is asked for
    case.validate_response(response, excluded_checks=left_out)


def _schema_could_say(body: dict[str, str]) -> bool:
    return "bytes" not in body["message"] and body.get("field") != "timestamp"


@schema.parametrize()
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_documented(case: Case[Any]) -> None:
    check(case)


@refusing.parametrize()
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_every_refusal_is_as_documented(case: Case[Any]) -> None:
    check(case)
