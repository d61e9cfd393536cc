"""The page's application: files, what the API tells, and what it is told."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import orjson
from millrace.anomaly.desk import Desk
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cli.anomaly_page.asked import body_of, invalid, is_time_ms, named, one_of, text, time_ms, whole
from cli.anomaly_page.charts import FIRST_MS, LAST_MS, SPANS, Charts
from cli.anomaly_page.desks import Clerks
from cli.anomaly_page.guard import COOKIE, SIGN_IN, Guard, proof_of
from cli.anomaly_page.overview import MOST_OPEN, Overview, alerts_document, page_of, series_document
from cli.anomaly_page.problems import HANDLERS, problem

_MOST_ALERTS = 500
STATIC = Path(str(files("cli.anomaly_page").joinpath("static")))


@dataclass(frozen=True, slots=True)
class Setting:
    """How the page is served: who acts where the page says no name, who may ask."""

    by: str
    names: Sequence[str] = ()
    token: str | None = None


def application(
    clerks: Clerks,
    setting: Setting,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Guard:
    """The whole application, behind its guard."""
    api = Api(clerks, setting, now_ms)
    app = Starlette(
        routes=[
            Route("/api/status", api.status),
            Route("/api/series", api.series),
            Route("/api/series/one", api.one_series),
            Route("/api/chart", api.chart),
            Route("/api/alerts", api.alerts),
            Route("/api/alerts/acknowledge", api.acknowledge, methods=["POST"]),
            Route("/api/alerts/false-alarm", api.false_alarm, methods=["POST"]),
            Route("/api/series/sensitivity", api.sensitivity, methods=["POST"]),
            Route("/api/series/mute", api.mute, methods=["POST"]),
            Route(SIGN_IN, api.sign_in, methods=["POST"]),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=1024)],
        exception_handlers=HANDLERS,
    )
    return Guard(app, setting.names, setting.token)


class Api:
    """What stands in the database, and what a person says to it."""

    def __init__(self, clerks: Clerks, setting: Setting, now_ms: Callable[[], int]) -> None:
        self._clerks = clerks
        self._setting = setting
        self._now_ms = now_ms
        self._overview = Overview()
        self._charts = Charts()

    async def status(self, request: Request) -> Response:
        """The database, and how much there is to see."""
        look = await self._clerks.ask(self._overview.look)
        document = {
            "database": self._clerks.name,
            "by": self._setting.by,
            "series": len(look.series),
            "open_alerts": len(look.open_alerts),
            "open_alerts_are_more": len(look.open_alerts) == MOST_OPEN,
            "newest_ms": max((one.newest_ms or 0 for one in look.series), default=None),
        }
        return answer(request, document)

    async def series(self, request: Request) -> Response:
        """A page of the series: `search`, `sort` (attention, name, newest), `page`."""
        asked = request.query_params
        page = whole(asked.get("page", "1"), "page", 1_000_000)
        sort = one_of(asked.get("sort", "attention"), "sort", ("attention", "name", "newest"))
        look = await self._clerks.ask(self._overview.look)
        return answer(request, page_of(look, asked.get("search", ""), sort, page))

    async def one_series(self, request: Request) -> Response:
        """A series by its `name`, and what it is set to."""
        name = named(request.query_params.get("name", ""), "name")
        view = await self._clerks.ask(lambda desk: desk.known_series(name))
        look = await self._clerks.ask(self._overview.look)
        return answer(request, series_document(view, look.open_of.get(name, 0)))

    async def chart(self, request: Request) -> Response:
        """The points of a `series`: in a `span`, `from` one time `to` another, or around `at`."""
        asked = request.query_params
        name = named(asked.get("series", ""), "series")
        span = one_of(asked.get("span", "recent"), "span", tuple(SPANS))
        times = {key: time_ms(asked[key], key) for key in ("at", "from", "to") if key in asked}

        def drawn(desk: Desk) -> dict[str, object]:
            view = desk.known_series(name)
            if "at" in times:
                return self._charts.around(desk, view, times["at"])
            if "from" in times or "to" in times:
                start, end = times.get("from", FIRST_MS), times.get("to", LAST_MS - 1)
                return self._charts.between(desk, view, start, end)
            return self._charts.chart(desk, view, span)

        return answer(request, await self._clerks.ask(drawn))

    async def alerts(self, request: Request) -> Response:
        """Alerts, the newest first: of a `series`, only those `open`, at most `limit`."""
        asked = request.query_params
        limit = whole(asked.get("limit", "100"), "limit", _MOST_ALERTS)
        series = named(asked["series"], "series") if asked.get("series") else None
        only_open = one_of(asked.get("open", "0"), "open", ("0", "1")) == "1"
        found = await self._clerks.ask(
            lambda desk: desk.alerts(series, only_open=only_open, most=limit + 1)
        )
        shown = alerts_document(found[:limit])
        return answer(request, {"alerts": shown, "more": len(found) > limit})

    async def acknowledge(self, request: Request) -> Response:
        """Somebody looks after an alert."""
        return await self._said(request, Desk.acknowledge)

    async def false_alarm(self, request: Request) -> Response:
        """An alert was none: the series' next ones must be rarer."""
        return await self._said(request, Desk.false_alarm)

    async def _said(self, request: Request, say: Callable[[Desk, str, str, int], bool]) -> Response:
        given = await body_of(request)
        alert_id = text(given, "alert_id")
        who = text(given, "by") if given.get("by") else self._setting.by

        def work(desk: Desk) -> dict[str, object]:
            changed = say(desk, alert_id, who, self._now_ms())
            return {"changed": changed, "alert": desk.alert(alert_id)._asdict()}

        return await self._changed(work)

    async def sensitivity(self, request: Request) -> Response:
        """How readily a series alerts."""
        given = await body_of(request)
        series, wanted = text(given, "series"), given.get("sensitivity")
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            raise invalid("sensitivity", f"is a number above 0, not {wanted!r:.40}")
        return await self._settled(series, lambda desk: desk.set_sensitivity(series, float(wanted)))

    async def mute(self, request: Request) -> Response:
        """Send no alerts of a series before `until_ms`; null ends it."""
        given = await body_of(request)
        # A field that was forgotten must not end a mute.
        series, until = text(given, "series"), given.get("until_ms", "missing")
        if until is not None and not is_time_ms(until):
            raise invalid("until_ms", f"is a time in ms since 1970, or null, not {until!r:.40}")
        return await self._settled(series, lambda desk: desk.mute(series, until))

    async def _settled(self, series: str, settle: Callable[[Desk], None]) -> Response:
        def work(desk: Desk) -> dict[str, object]:
            desk.known_series(series)  # settings of a name that nobody knows would stay unseen
            settle(desk)
            return desk.known_series(series)._asdict()

        return await self._changed(work)

    async def _changed(self, work: Callable[[Desk], dict[str, object]]) -> Response:
        done = await self._clerks.ask(work)
        self._overview.forget()
        return JSONResponse(done, headers={"Cache-Control": "no-store"})

    async def sign_in(self, request: Request) -> Response:
        """Take the token, and give a cookie that proves it."""
        given, token = await body_of(request), self._setting.token
        if token is None:
            return JSONResponse({"signed_in": True})
        if not hmac.compare_digest(str(given.get("token", "")).encode(), token.encode()):
            return problem(403, "wrong-token", "That is not the token which the server printed")
        response = JSONResponse({"signed_in": True}, headers={"Cache-Control": "no-store"})
        response.set_cookie(COOKIE, proof_of(token), httponly=True, samesite="strict")
        return response


def answer(request: Request, document: object) -> Response:
    """A document, or the word that the asker has it already."""
    body = orjson.dumps(document)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache, private"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
