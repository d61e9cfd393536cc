"""Routes of the local cloud's own, under /_localcloud/: what operators and tests look at.

GET    /_localcloud/health     200
GET    /_localcloud/counters   calls by service and operation
GET    /_localcloud/faults     the plan, what is down, what struck
PUT    /_localcloud/faults     replace the plan (JSON as in `faults.loading`)
GET    /_localcloud/inbox      the messages of every topic
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcloud.faults import routes
from localcloud.faults.injector import Injector
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
                return routes.shown(self.injector)
            case "PUT", "faults":
                return routes.replaced(self.injector, await request.body())
            case "GET", "inbox":
                return JSONResponse(self._inbox())
            case method, path:
                return routes.problem(404, f"There is no {method} {PREFIX}{path}; see {__name__}")

    def _counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for (service, operation), calls in sorted(self.injector.calls().items()):
            counts.setdefault(service, {})[operation] = calls
        return counts

    def _inbox(self) -> dict[str, list[dict[str, object]]]:
        return {
            inbox.name: [asdict(notice) for notice in inbox.notices]
            for inbox in self.notifications.topics()
        }
