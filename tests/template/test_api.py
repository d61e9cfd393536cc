"""The HTTP API: its routes, who may call them, and how long they wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.stack.template import load_template
from tests.template.reading import (
    TEMPLATE,
    up,
)

ROUTES = {
    "POST /predict": "PredictFunction",
    "GET /features/{userId}": "PredictFunction",
    "POST /features": "PredictFunction",
    "POST /feedback": "PredictFunction",
    "GET /openapi.json": "PredictFunction",
    "POST /events": "IngestFunction",
}


def test_the_api_has_its_routes(checkout: Path) -> None:
    stack, _ = up(checkout, {"Ingest": "on", "ApiRateLimit": "7", "ApiBurstLimit": "9"})
    (api,) = stack.http_apis
    found = {f"{route.method} {route.path}": route for route in api.routes}
    assert {name: route.function_name for name, route in found.items()} == {
        name: stack.functions[function].name for name, function in ROUTES.items()
    }
    assert {route.payload_format for route in api.routes} == {"2.0"}
    assert stack.outputs["EventsUrl"] == f"{api.url}/events"
    assert stack.outputs["PredictUrl"] == f"{api.url}/predict"
    (stage,) = stack.stages
    assert stage.throttling is not None
    assert (stage.throttling.rate, stage.throttling.burst) == (7, 9)
    closed, _ = up(checkout, {})
    assert len(closed.http_apis[0].routes) == len(ROUTES) - 1


@pytest.mark.parametrize(
    ("overrides", "kind"),
    [
        ({}, "AWS_IAM"),
        ({"ApiAuth": "NONE"}, None),
        (
            {
                "ApiAuth": "JWT",
                "ApiJwtIssuer": "https://i.example/pool",
                "ApiJwtAudience": "shop,admin",
            },
            "JWT",
        ),
    ],
)
def test_every_route_asks_who_calls(
    checkout: Path, overrides: dict[str, str], kind: str | None
) -> None:
    stack, _ = up(checkout, {"Ingest": "on", **overrides})
    routes = stack.http_apis[0].routes
    assert len(routes) == len(ROUTES)
    for route in routes:
        asked = route.authorization
        assert (asked and asked.kind) == kind
        if kind == "JWT":
            assert asked is not None
            assert asked.issuer == "https://i.example/pool"
            assert asked.audience == ("shop", "admin")


def test_web_pages_may_call_from_the_origins_that_are_named(checkout: Path) -> None:
    closed, _ = up(checkout, {})
    assert closed.http_apis[0].cors is None
    opened, _ = up(checkout, {"ApiCorsOrigins": "https://a.example,https://b.example"})
    cors = opened.http_apis[0].cors
    assert cors is not None
    assert cors["allowOrigins"] == ["https://a.example", "https://b.example"]
    headers = cors["allowHeaders"]
    assert isinstance(headers, list)
    assert "authorization" in headers


def test_predict_waits_longer_than_its_deadline_and_the_api_as_long(checkout: Path) -> None:
    stack, _ = up(checkout, {})
    longest_ms = load_template(TEMPLATE)["Parameters"]["PredictDeadlineMs"]["MaxValue"]
    assert stack.functions["PredictFunction"].timeout_s * 1000 > longest_ms
    assert all(route.timeout_s * 1000 > longest_ms for route in stack.http_apis[0].routes)
