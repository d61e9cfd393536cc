"""The whole API behind a JWT authoriser: who may ask, and who is told why not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt

from localcloud.cloud import LocalCloud, Options
from localcloud.cloud import running as local_cloud
from localcloud.serving import serving
from tests.localcloud.http_api.openid import KEY, Provider
from tests.localcloud.running import Running, running

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with running(lambda: serving(Provider().application())) as address:
        yield address.value.url


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, issuer: str) -> Iterator[Running[LocalCloud]]:
    tokens = {"ApiAuth": "JWT", "ApiJwtIssuer": issuer, "ApiJwtAudience": "shop,desk"}
    options = Options(ROOT, tmp_path_factory.mktemp("cloud"), parameters=tokens)
    with running(lambda: local_cloud(options)) as cloud:
        yield cloud


def token(issuer: str, **claims: Any) -> str:
    content = {"iss": issuer, "aud": "desk", "exp": time.time() + 60, **claims}
    return jwt.encode({"alg": "RS256", "kid": "one"}, content, KEY, algorithms=["RS256"])


def predict(cloud: Running[LocalCloud], authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"authorization": authorization}
    body = {"userId": "ann", "input": {}}
    return httpx.post(cloud.value.output("PredictUrl"), json=body, headers=headers, timeout=30)


def test_a_good_token_reaches_the_function(cloud: Running[LocalCloud], issuer: str) -> None:
    answer = predict(cloud, f"Bearer {token(issuer)}")
    # There is no endpoint in this stack, and the function says so.
    assert (answer.status_code, answer.json()["error"]) == (503, "endpoint-none")


def test_others_are_told_what_is_wrong(cloud: Running[LocalCloud], issuer: str) -> None:
    for authorization, told in (
        (None, "Bearer"),
        ("Bearer x", "malformed"),
        (f"Bearer {token(issuer, exp=1)}", "expired"),
        (f"Bearer {token(issuer, aud='else')}", "audience"),
    ):
        answer = predict(cloud, authorization)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
        assert told in answer.headers["www-authenticate"]
