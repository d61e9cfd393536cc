"""What others see of an HTTP API: challenges for callers, every request for metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from localcloud.http_api.application import Served, application
from localcloud.http_api.authorization import Allowed, Denied
from localcloud.http_api.routes import Route
from localcloud.serving import serving
from tests.localcloud.clock import ManualClock
from tests.localcloud.http_api.test_application import Functions, echo, failing


class Strict:
    """Denies everybody, and says why."""

    async def authorize(self, event: Mapping[str, Any]) -> Allowed | Denied:
        return Denied(401, 'Bearer error="invalid_token"', "nobody is trusted")


def test_every_request_is_observed_and_refusals_carry_their_challenge() -> None:
    seen: list[Served] = []
    routes = [
        Route("GET /echo", "echo"),
        Route("GET /failing", "failing"),
        Route("GET /strict", "echo", authorizer=Strict()),
    ]
    functions = Functions(echo=echo, failing=failing)

    async def work() -> None:
        app = application(routes, functions, ManualClock(), observe=seen.append)
        async with (
            serving(app) as address,
            httpx.AsyncClient(base_url=address.url, trust_env=False) as client,
        ):
            for path in ("/echo", "/failing", "/nothing"):
                await client.get(path)
            answer = await client.get("/strict")
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

    asyncio.run(work())
    assert [served.status for served in seen] == [200, 500, 404, 401]
    assert all(0 < served.latency_ms < 10_000 for served in seen)
    assert len(functions.events) == 2, "who is refused does not reach a function"
