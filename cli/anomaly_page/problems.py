"""What went wrong, as the API says it."""

from __future__ import annotations

import logging

from millrace.errors import (
    ConfigurationError,
    InvalidRequest,
    MillraceError,
    NotDeployed,
)
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_log = logging.getLogger("millrace")


def problem(status: int, code: str, message: str, field: str | None = None) -> JSONResponse:
    """An answer that says what is wrong: a code for machines, a message for people."""
    error = {"code": code, "message": message, "field": field}
    return JSONResponse({"error": {k: v for k, v in error.items() if v is not None}}, status)


def of_ours(_: Request, error: Exception) -> Response:
    """What Millrace raised on purpose."""
    match error:
        case InvalidRequest():
            return problem(error.status, error.code, str(error), error.field)
        case NotDeployed():
            return problem(503, error.code, str(error))
        case ConfigurationError():
            return problem(503, "database-unusable", str(error))
    return problem(503, "database-busy", str(error))


def of_http(_: Request, error: Exception) -> Response:
    """What the router says: no such path, another method."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, "no-such-path", str(error.detail))


def unexpected(request: Request, error: Exception) -> Response:
    """A bug: the page is told no more than that there was one."""
    _log.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
    return problem(500, "unexpected", "The server made a mistake; its log says where")


HANDLERS = {MillraceError: of_ours, HTTPException: of_http, Exception: unexpected}
