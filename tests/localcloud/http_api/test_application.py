"""The HTTP API over real HTTP, with a fake invoker and a clock turned by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from localcloud.http_api.application import MAX_BODY_BYTES, MAX_EVENT_BYTES, application
from localcloud.http_api.authorization import Allowed, Denied
from localcloud.http_api.cors import Cors
from localcloud.http_api.event import Api
from localcloud.http_api.routes import Route
from localcloud.http_api.throttling import Rate
from localcloud.ports import Invocation
from localcloud.serving import serving
from tests.localcloud.clock import ManualClock

Function = Callable[[dict[str, Any]], Awaitable[Any]]


class Functions:
    """Runs coroutines by name, as an invoker does; an exception is an unhandled error."""

    def __init__(self, **functions: Function) -> None:
        self._functions = functions
        self.events: list[dict[str, Any]] = []

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        self.events.append(orjson.loads(payload))
        call = self._functions[function]
        try:
            answer = await call(self.events[-1])
        except ValueError as error:
            return Invocation(b'{"errorMessage": "no"}', type(error).__name__, 1.0)
        return Invocation(orjson.dumps(answer), None, 1.0)


async def echo(event: dict[str, Any]) -> Any:
    return {"statusCode": 200, "body": f"{event['routeKey']} {event.get('body', '')}"}


async def failing(event: dict[str, Any]) -> Any:
    raise ValueError("no")


async def unsendable(event: dict[str, Any]) -> Any:
    return {"statusCode": 200, "body": {}}


@contextlib.asynccontextmanager
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(app) as address,
        httpx.AsyncClient(base_url=address.url, trust_env=False, timeout=30) as client,
    ):
        yield client


def run(app: Starlette, work: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with http(app) as client:
            await work(client)

    asyncio.run(main())


def test_a_request_goes_to_its_function_and_the_answer_back() -> None:
    functions, clock = Functions(echo=echo), ManualClock()
    routes = [Route("POST /events", "echo"), Route("GET /users/{id}", "echo")]

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.post("/events?a=%2Fb", json={"n": 1}, headers={"Cookie": "a=1"})
        assert (answer.status_code, answer.text) == (200, 'POST /events {"n":1}')
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert len(answer.headers["apigw-requestid"]) == 16
        assert (await client.get("/users/a%20b")).text == "GET /users/{id} "
        assert (await client.get("/users/a%0Ab")).text == "GET /users/{id} "
        assert clock.sleeping == 0, "no timer outlives its request"

    run(application(routes, functions, clock), work)
    first, second, third = functions.events
    assert third["pathParameters"] == {"id": "a\nb"}
    assert first["rawQueryString"] == "a=%2Fb"
    assert first["queryStringParameters"] == {"a": "/b"}
    assert first["cookies"] == ["a=1"]
    assert first["requestContext"]["timeEpoch"] == ManualClock().now_ms()
    assert first["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert second["pathParameters"] == {"id": "a b"}
    assert second["rawPath"] == "/users/a b"


def test_failures_have_their_own_answers(caplog: pytest.LogCaptureFixture) -> None:
    names = ("failing", "unsendable", "missing")
    functions = Functions(failing=failing, unsendable=unsendable)
    routes = [Route(f"GET /{name}", name) for name in names]

    async def work(client: httpx.AsyncClient) -> None:
        for name in names:
            answer = await client.get(f"/{name}")
            assert (answer.status_code, answer.json()) == (
                500,
                {"message": "Internal Server Error"},
            )
        answer = await client.get("/nowhere")
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
        assert (await client.post("/failing")).status_code == 404

    run(application(routes, functions, ManualClock()), work)
    assert "failing failed for GET /failing: ValueError" in caplog.text
    assert "body must be a text, not dict" in caplog.text
    assert "missing could not be invoked" in caplog.text


def test_a_slow_function_is_a_503_and_runs_on() -> None:
    finish = asyncio.Event()
    finished = []

    async def slow(event: dict[str, Any]) -> Any:
        await finish.wait()
        finished.append(True)
        return "late"

    async def main() -> None:
        clock = ManualClock()
        routes = [Route("GET /", "slow"), Route("GET /short", "slow", timeout_s=2)]
        async with http(application(routes, Functions(slow=slow), clock)) as client:
            waiting = [asyncio.create_task(client.get(path)) for path in ("/", "/short")]
            while clock.sleeping < 2:
                await asyncio.sleep(0)
            clock.advance(2)
            answer = await waiting[1]
            assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
            assert not waiting[0].done()
            clock.advance(27.9)
            assert not waiting[0].done()
            clock.advance(0.1)
            assert (await waiting[0]).status_code == 503
            assert finished == []
            finish.set()
            while len(finished) < 2:
                await asyncio.sleep(0)

    asyncio.run(main())


def test_bodies_have_a_limit() -> None:
    functions = Functions(echo=echo)

    async def work(client: httpx.AsyncClient) -> None:
        for body in (bytes(MAX_BODY_BYTES + 1), b"x" * MAX_EVENT_BYTES):
            answer = await client.post("/", content=body, headers={"content-type": "text/plain"})
            assert (answer.status_code, answer.json()) == (
                413,
                {"message": "Request Entity Too Large"},
            )
        fits = await client.post("/", content=b"x" * 1_000_000)
        assert len(fits.content) == len("POST / ") + 1_000_000

    run(application([Route("POST /", "echo")], functions, ManualClock()), work)
    assert len(functions.events) == 1


def test_requests_beyond_the_rate_are_refused() -> None:
    clock = ManualClock()
    routes = [Route("GET /a", "echo"), Route("GET /b", "echo", rate=Rate(1, 1))]
    app = application(routes, Functions(echo=echo), clock, rate=Rate(per_s=1, burst=2))

    async def work(client: httpx.AsyncClient) -> None:
        async def statuses(path: str, times: int) -> list[int]:
            return [(await client.get(path)).status_code for _ in range(times)]

        assert await statuses("/a", 3) == [200, 200, 429]
        assert await statuses("/b", 2) == [200, 429]
        assert (await client.get("/a")).json() == {"message": "Too Many Requests"}
        clock.advance(1)
        assert await statuses("/a", 2) == [200, 429]

    run(app, work)


def test_a_stage_is_part_of_the_path() -> None:
    functions = Functions(echo=echo)
    app = application([Route("GET /a", "echo")], functions, ManualClock(), api=Api(stage="prod"))

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.get("/prod/a")).status_code == 200
        assert (await client.get("/a")).status_code == 404
        assert (await client.get("/production/a")).status_code == 404

    run(app, work)
    assert functions.events[0]["rawPath"] == "/prod/a"
    assert functions.events[0]["requestContext"]["stage"] == "prod"


class Doorman:
    """Lets through who says the word, bans one, and does not know the rest."""

    async def authorize(self, event: Mapping[str, Any]) -> Allowed | Denied:
        word = event["headers"].get("authorization")
        if word == "banned":
            return Denied(403)
        return Allowed({"jwt": {"claims": {"sub": word}}}) if word else Denied()


def test_an_authoriser_decides_before_the_function_runs() -> None:
    functions = Functions(echo=echo)
    routes = [Route("GET /", "echo", authorizer=Doorman())]

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.get("/")
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
        answer = await client.get("/", headers={"authorization": "banned"})
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
        assert (await client.get("/", headers={"authorization": "me"})).status_code == 200

    run(application(routes, functions, ManualClock()), work)
    (event,) = functions.events
    assert event["requestContext"]["authorizer"] == {"jwt": {"claims": {"sub": "me"}}}


async def with_cors_of_its_own(event: dict[str, Any]) -> Any:
    headers = {"Access-Control-Allow-Origin": "http://evil", "X-Mine": "1"}
    return {"statusCode": 200, "headers": headers, "body": ""}


CORS = Cors(
    allow_origins=("https://app.example.com", "http://*"),
    allow_methods=("GET", "POST"),
    allow_headers=("content-type",),
    expose_headers=("x-mine",),
    max_age_s=300,
    allow_credentials=True,
)


def access_control(answer: httpx.Response) -> dict[str, str]:
    prefix = "access-control-"
    return {k.removeprefix(prefix): v for k, v in answer.headers.items() if k.startswith(prefix)}


def test_cors_is_the_gateways_business() -> None:
    routes = [Route("GET /", "f"), Route("ANY /{proxy+}", "f")]
    functions = Functions(f=with_cors_of_its_own)

    async def work(client: httpx.AsyncClient) -> None:
        ask = {"origin": "https://app.example.com", "access-control-request-method": "GET"}
        answer = await client.options("/anything", headers=ask)
        assert answer.status_code == 204
        assert access_control(answer) == {
            "allow-origin": "https://app.example.com",
            "allow-methods": "GET,POST",
            "allow-headers": "content-type",
            "allow-credentials": "true",
            "max-age": "300",
        }
        assert (
            access_control(await client.options("/", headers={**ask, "origin": "https://x"})) == {}
        )
        assert functions.events == []

        answer = await client.get("/", headers={"origin": "http://localhost:3000"})
        assert access_control(answer) == {
            "allow-origin": "http://localhost:3000",
            "allow-credentials": "true",
            "expose-headers": "x-mine",
        }
        assert answer.headers["x-mine"] == "1"
        assert answer.headers["vary"] == "Origin", "a cache must not give it to another"
        assert access_control(await client.get("/")) == {}
        assert (await client.options("/x")).status_code == 200, "no preflight: the route's business"

    run(application(routes, functions, ManualClock(), cors=CORS), work)


def test_without_a_cors_configuration_the_function_answers_for_itself() -> None:
    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.get("/", headers={"origin": "https://app.example.com"})
        assert access_control(answer) == {"allow-origin": "http://evil"}

    run(application([Route("GET /", "f")], Functions(f=with_cors_of_its_own), ManualClock()), work)


def test_every_origin_may_be_allowed() -> None:
    cors = Cors(allow_origins=("*",))
    assert cors.answer_headers("https://x") == {"access-control-allow-origin": "*"}
