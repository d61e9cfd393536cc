"""The fault plan as the local clouds' own routes show and replace it (JSON as in `loading`)."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from millrace.errors import ConfigurationError
from starlette.responses import JSONResponse, Response

from localcloud.faults.injector import Injector
from localcloud.faults.loading import dump, parse


def shown(injector: Injector) -> Response:
    """The plan, what is down, what struck."""
    return JSONResponse(
        {
            "plan": dump(injector.plan),
            "down": list(injector.services_down),
            "injected": [asdict(each) for each in injector.injected()],
        }
    )


def replaced(injector: Injector, body: bytes) -> Response:
    """Use the plan in `body`, unless it is wrong."""
    try:
        injector.use(parse(orjson.loads(body)))
    except (ConfigurationError, ValueError) as error:
        return problem(400, str(error))
    return Response(status_code=204)


def problem(status: int, message: str) -> Response:
    """An answer that says what is wrong."""
    return JSONResponse({"message": message}, status_code=status)
