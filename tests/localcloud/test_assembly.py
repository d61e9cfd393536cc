"""From resources to parts: what is handed on, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.assembly import Apis, cors, model_server, put_objects
from localcloud.http_api.cors import Cors
from localcloud.http_api.signed import SignedRequests
from localcloud.http_api.throttling import Rate
from localcloud.http_api.tokens import Tokens
from localcloud.stack.model import (
    Authorization,
    AuthorizationKind,
    HttpApiResource,
    Route,
    StageResource,
    Throttling,
)
from tests.localcloud.clock import ManualClock

ISSUER = "http://127.0.0.1:1234"
TOKENS = Authorization(AuthorizationKind.JWT, ISSUER, ("shop",), ("read",))


class Aws:
    """Remembers calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, object]]] = []

    def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        self.calls.append((operation, parameters))
        return {}


def api(*routes: Route) -> HttpApiResource:
    return HttpApiResource("Api", "abc", "http://127.0.0.1:1", routes, None)


def route(path: str, authorization: Authorization | None = None) -> Route:
    return Route("GET", path, "work", "2.0", 5.0, authorization)


def test_routes_with_their_limits_and_authorisers() -> None:
    apis = Apis(ManualClock(), "us-east-1", "123456789012")
    stage = StageResource(
        "Stage", "abc", "live", None, {"GET /a": Throttling(5.0, 2)}, {"colour": "blue"}
    )
    found = apis.routes(
        api(
            route("/a", Authorization(AuthorizationKind.IAM)),
            route("/b", TOKENS),
            route("/c", TOKENS),
            Route("ANY", "$default", "work", "2.0", 5.0),
        ),
        stage,
    )
    a, b, c, rest = found
    assert [each.key for each in found] == ["GET /a", "GET /b", "GET /c", "$default"]
    assert (a.rate, b.rate, a.timeout_s) == (Rate(5.0, 2), None, 5.0)
    assert isinstance(a.authorizer, SignedRequests)
    assert isinstance(b.authorizer, Tokens)
    assert isinstance(c.authorizer, Tokens)
    assert (b.authorizer.audience, b.authorizer.scopes) == (("shop",), ("read",))
    assert b.authorizer.issuer is c.authorizer.issuer, "its keys are fetched once"
    assert rest.authorizer is None
    described = apis.api(api(), stage)
    assert (described.stage, described.stage_variables) == ("live", {"colour": "blue"})
    assert apis.api(api(), None).stage == "$default"


def test_an_issuer_elsewhere_is_refused_when_the_api_is_made() -> None:
    apis = Apis(ManualClock(), "us-east-1", "123456789012")
    elsewhere = Authorization(AuthorizationKind.JWT, "https://issuer.example", ("shop",))
    with pytest.raises(UnsupportedResource, match=r"issuer\.example.*not on loopback"):
        apis.routes(api(route("/a", elsewhere)), None)


def test_cors_in_api_gateway_s_words() -> None:
    assert cors(None) is None
    given = {
        "allowOrigins": ["https://a"],
        "allowMethods": ["GET"],
        "allowHeaders": ["x"],
        "exposeHeaders": ["y"],
        "maxAge": "60",
        "allowCredentials": True,
    }
    assert cors(given) == Cors(("https://a",), ("GET",), ("x",), ("y",), 60, True)
    assert cors({"allowCredentials": "true", "allowOrigins": ["*"]}) == Cors(
        ("*",), allow_credentials=True
    )


def test_objects_are_put_by_bucket_and_key(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"x")
    aws = Aws()
    put_objects({"models/a/b.tar.gz": path, "models/c": path}, aws)
    assert aws.calls == [
        ("create_bucket", {"Bucket": "models"}),
        ("put_object", {"Bucket": "models", "Key": "a/b.tar.gz", "Body": b"x"}),
        ("put_object", {"Bucket": "models", "Key": "c", "Body": b"x"}),
    ]


@pytest.mark.parametrize("name", ["models", "models/", "/key", ""])
def test_an_object_without_bucket_or_key(tmp_path: Path, name: str) -> None:
    aws = Aws()
    with pytest.raises(ConfigurationError, match="expected bucket/key"):
        put_objects({name: tmp_path}, aws)
    assert aws.calls == []


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone, for models/x, cannot be read"):
        put_objects({"models/x": tmp_path / "gone"}, Aws())


def test_the_model_server_is_the_one_of_the_image_unless_told_otherwise(tmp_path: Path) -> None:
    url, region = "http://127.0.0.1:1", "us-east-1"
    usual = model_server(tmp_path, None, url, region)
    assert usual.command == (sys.executable, "-m", "model.serve")
    assert usual.environment["AWS_ENDPOINT_URL"] == url
    assert usual.environment["PYTHONPATH"].startswith(f"{tmp_path}:")
    assert model_server(tmp_path, ("serve", "me"), url, region).command == ("serve", "me")
