"""The gateway's own routes, under /_localcloud/: what the operator and the tests look at.

GET    /_localcloud/health     200 while moto answers, 503 otherwise
GET    /_localcloud/counters   calls, errors and capacity by service and operation
DELETE /_localcloud/counters   count from zero
GET    /_localcloud/faults     the plan, what is down, what struck
PUT    /_localcloud/faults     replace the plan (JSON as in `faults.loading`)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from localcloud.faults import routes
from localcloud.faults.injector import Injector
from localcloud.gateway.counters import Counters
from localcloud.gateway.upstream import Body, Upstream, UpstreamError
from localcloud.moto_server import HEALTH

PREFIX = "/_localcloud/"


@dataclass(frozen=True, slots=True)
class Admin:
    """The routes, over the gateway's parts."""

    upstream: Upstream
    injector: Injector
    counters: Counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to one of the routes."""
        request = Request(scope, receive)
        response: Response
        match request.method, request.url.path.removeprefix(PREFIX):
            case "GET", "health":
                response = await self._health()
            case "GET", "counters":
                response = JSONResponse(self._counts())
            case "DELETE", "counters":
                self.counters.reset()
                response = Response(status_code=204)
            case "GET", "faults":
                response = routes.shown(self.injector)
            case "PUT", "faults":
                response = routes.replaced(self.injector, await request.body())
            case method, path:
                response = routes.problem(
                    404, f"There is no {method} {PREFIX}{path}; see {__name__}"
                )
        await response(scope, receive, send)

    async def _health(self) -> Response:
        headers = [(b"host", f"{self.upstream.host}:{self.upstream.port}".encode())]
        try:
            answer = await self.upstream.exchange("GET", HEALTH.encode(), headers, Body(b""))
        except UpstreamError as error:
            return routes.problem(503, str(error))
        return JSONResponse({"status": "ok", "moto": answer.status})

    def _counts(self) -> dict[str, dict[str, object]]:
        counts: dict[str, dict[str, object]] = {}
        for (service, operation), count in self.counters.snapshot().items():
            counts.setdefault(service, {})[operation] = asdict(count)
        return counts
