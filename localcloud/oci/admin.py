"""Routes of the local cloud's own, under /_localcloud/: what operators and tests look at.

GET    /_localcloud/health     200
GET    /_localcloud/counters   calls by service and operation
GET    /_localcloud/faults     the plan, what is down, what struck
PUT    /_localcloud/faults     replace the plan (JSON as in `faults.loading`)
GET    /_localcloud/inbox      the messages of every topic
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson
from millrace.errors import ConfigurationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcloud.faults.injector import Injector
from localcloud.faults.loading import dump, parse
from localcloud.oci.notifications import Notifications

PREFIX = "/_localcloud/"


@dataclass(frozen=True, slots=True)
class Admin:
    """The routes, over the cloud's parts."""

    injector: Injector
    notifications: Notifications

    async def answer(self, request: Request) -> Response:
        """Answer a request to one of the routes."""
        match request.method, request.url.path.removeprefix(PREFIX):
            case "GET", "health":
                return JSONResponse({"status": "ok"})
            case "GET", "counters":
                return JSONResponse(self._counts())
            case "GET", "faults":
                return JSONResponse(self._faults())
            case "PUT", "faults":
                return self._use(await request.body())
            case "GET", "inbox":
                return JSONResponse(self._inbox())
            case method, path:
                return _problem(404, f"There is no {method} {PREFIX}{path}; see {__name__}")

    def _counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for (service, operation), calls in sorted(self.injector.calls().items()):
            counts.setdefault(service, {})[operation] = calls
        return counts

    def _faults(self) -> dict[str, object]:
        return {
            "plan": dump(self.injector.plan),
            "down": list(self.injector.services_down),
            "injected": [asdict(each) for each in self.injector.injected()],
        }

    def _use(self, body: bytes) -> Response:
        try:
            self.injector.use(parse(orjson.loads(body)))
        except (ConfigurationError, ValueError) as error:
            return _problem(400, str(error))
        return Response(status_code=204)

    def _inbox(self) -> dict[str, list[dict[str, object]]]:
        return {
            inbox.name: [asdict(notice) for notice in inbox.notices]
            for inbox in self.notifications.topics()
        }


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)
