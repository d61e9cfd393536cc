"""The application that asks for predictions while the demo runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.demo.asking import Asked, Asker, Done
from localcloud.serving import serving


class Api:
    """Answers with a status each, in turn, and remembers what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[object] = []
        self.headers: list[Mapping[str, str]] = []

    async def answer(self, request: Request) -> Response:
        self.bodies.append(orjson.loads(await request.body()))
        self.headers.append(request.headers)
        status = self.statuses.pop(0) if self.statuses else 200
        return JSONResponse({"features": {}}, status)


async def ask(api: Api, *, signed: bool = False, done: int = 7) -> list[Asked]:
    app = Starlette(routes=[Route("/predict", api.answer, methods=["POST"])])
    async with serving(app) as address:
        url = f"{address.url}/predict"
        asker = Asker(url, 200.0, 1, Done({"u": done}), lambda: 5, signed=signed)
        await asker.warm()
        assert asker.asked == []
        running = asyncio.create_task(asker.run())
        while len(asker.asked) < 3:
            await asyncio.sleep(0.01)
        asker.stop()
        await running
        return asker.asked


def test_answers_are_kept_with_what_was_known_before() -> None:
    api = Api(200, 200, 503)
    asked = asyncio.run(ask(api))
    assert [one.status for one in asked[:3]] == [200, 503, 200]
    assert asked[0].answer == {"features": {}}
    assert asked[1].answer is None
    assert {(one.user, one.done_upto, one.began_ms) for one in asked} == {("u", 7, 5)}
    assert api.bodies[0] == {"userId": "u", "input": {"page": "home"}}


@pytest.mark.parametrize("signed", [True, False])
def test_requests_are_signed_where_the_api_asks_for_it(signed: bool) -> None:
    api = Api()
    asyncio.run(ask(api, signed=signed))
    for headers in api.headers:
        assert ("/execute-api/aws4_request" in headers.get("authorization", "")) is signed


def test_a_server_that_is_gone_is_no_answer() -> None:
    async def nobody() -> list[Asked]:
        asker = Asker("http://127.0.0.1:1/predict", 100.0, 1, Done({"u": 1}), lambda: 5)
        running = asyncio.create_task(asker.run())
        while not asker.asked:
            await asyncio.sleep(0.01)
        asker.stop()
        await running
        return asker.asked

    asked = asyncio.run(nobody())
    assert (asked[0].status, asked[0].answer) == (0, None)
