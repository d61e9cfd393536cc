"""API Gateway before a function under the real fdk."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from millrace.errors import UnsupportedResource

from localcloud.oci.errors import InvalidParameter, MissingParameter
from localcloud.oci.function import Answer, FdkFunction, FunctionSpec, Place, function
from localcloud.oci.gateway import Gateway
from localcloud.serving import serving
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import ROOT, checker

ECHO = "ocid1.fnfunc.oc1.local.echo"
CODE = """
import json
from fdk import response

def handler(ctx, data=None):
    body = data.getvalue().decode()
    if body == "raise":
        raise ValueError("a secret of the function")
    told = {"method": ctx.Method(), "url": ctx.RequestURL(), "headers": ctx.HTTPHeaders(),
            "body": body}
    return response.Response(ctx, response_data=json.dumps(told), status_code=201,
                             headers={"X-Own": "a", "Content-Type": "application/json"})
"""
FUNC_YAML = "name: echo\nentrypoint: /python/bin/fdk /function/func.py handler\ntimeout: 5\n"


def behind(path: str, *methods: str, **backend: Any) -> dict[str, Any]:
    """A route; to the function, unless told otherwise."""
    chosen = backend or {"type": "ORACLE_FUNCTIONS_BACKEND", "functionId": ECHO}
    return {"path": path, "methods": list(methods), "backend": chosen}


SPECIFICATION = {
    "routes": [
        behind("/series/{name}", "GET", "POST"),
        behind("/files/{rest*}", "ANY"),
        behind("/series/all", "GET", type="STOCK_RESPONSE_BACKEND", status=203, body="fixed",
               headers=[{"name": "X-Stock", "value": "1"}]),
    ]
}  # fmt: skip


POLICIES = {"rateLimiting": {"rateInRequestsPerSecond": 1, "rateKey": "TOTAL"}}


@contextlib.asynccontextmanager
async def echo(folder: Path) -> AsyncIterator[FdkFunction]:
    (folder / "func.py").write_text(CODE)
    (folder / "func.yaml").write_text(FUNC_YAML)
    place = Place(ROOT / ".venv-oci/bin/fdk", folder, folder, ROOT / ".local/pycache")
    async with function(FunctionSpec.of(folder), place, {}) as started:
        yield started


@looped
async def test_requests_reach_the_function_as_oracle_sends_them(tmp_path: Path) -> None:
    async with echo(tmp_path) as started:
        gateway = Gateway.of("/v1", SPECIFICATION, {ECHO: started}, checker())
        async with serving(gateway) as door, httpx.AsyncClient(base_url=door.url) as client:
            answer = await client.post(
                "/v1/series/cpu%20load?from=1&from=2", content="body", headers={"X-Mine": "yes"}
            )
            told = answer.json()
            assert (answer.status_code, answer.headers["x-own"]) == (201, "a")
            assert answer.headers["content-type"] == "application/json"
            assert "opc-request-id" in answer.headers
            assert (told["method"], told["body"]) == ("POST", "body")
            assert told["url"].endswith("?from=1&from=2")
            assert told["headers"]["x-mine"] == "yes"
            assert told["headers"]["x-forwarded-for"] == "127.0.0.1"
            assert (await client.request("DELETE", "/v1/files/a/b")).status_code == 201
            stock = await client.get("/v1/series/all")
            assert (stock.status_code, stock.text, stock.headers["x-stock"]) == (203, "fixed", "1")
            for method, path, status in [
                ("DELETE", "/v1/series/cpu", 405),
                ("GET", "/v1/series/a/b", 404),
                ("GET", "/series/cpu", 404),
            ]:
                refused = await client.request(method, path)
                assert (refused.status_code, refused.json()["code"]) == (status, status)
            broken = await client.post("/v1/series/cpu", content="raise")
            assert broken.json() == {"code": 502, "message": "Bad Gateway"}
            large = await client.post("/v1/series/cpu", content=b"x" * ((6 << 20) + 1))
            assert large.status_code == 413


class Late:
    """A function whose time is up."""

    async def invoke(self, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        return Answer(504, b"")


@looped
async def test_a_function_that_takes_too_long_is_a_timeout() -> None:
    gateway = Gateway.of("/", SPECIFICATION, {ECHO: Late()}, checker())
    async with serving(gateway) as door, httpx.AsyncClient(base_url=door.url) as client:
        answer = await client.get("/series/cpu")
    assert answer.status_code == answer.json()["code"] == 504


@pytest.mark.parametrize(
    ("specification", "kind", "what"),
    [
        ({"routes": [{"path": "/a"}]}, MissingParameter, "backend"),
        ({"routes": [behind("/a", "FETCH")]}, InvalidParameter, "methods"),
        ({"routes": [behind("/a", "GET", type="NO_BACKEND")]}, InvalidParameter, "NO_BACKEND"),
        ({"routes": [], "paths": []}, InvalidParameter, "paths"),
        (
            {"routes": [behind("/a", "GET", type="HTTP_BACKEND", url="https://example.com")]},
            UnsupportedResource,
            "HTTP_BACKEND",
        ),
        ({"routes": [behind("/a")], "requestPolicies": POLICIES}, UnsupportedResource, "requestPo"),
        (
            {"routes": [behind("/a", "GET", type="ORACLE_FUNCTIONS_BACKEND", functionId="other")]},
            UnsupportedResource,
            "no function",
        ),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_refused(
    specification: Mapping[str, Any], kind: type[Exception], what: str
) -> None:
    with pytest.raises(kind, match=what):
        Gateway.of("/", specification, {ECHO: Late()}, checker())
