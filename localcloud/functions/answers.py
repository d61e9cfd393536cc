"""How an invocation ended, in Lambda's words, whichever kind of worker ran it.

`error` is the errorType, and the payload of an error is Lambda's: errorType, errorMessage, and for
an unhandled exception requestId and stackTrace. A time-out is Sandbox.Timedout and a runtime that
ended is Runtime.ExitError, as Lambda's Invoke API calls them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

TIMED_OUT = "Sandbox.Timedout"
EXITED = "Runtime.ExitError"
TOO_LARGE = "RequestTooLargeException"

# "6 MB": what Lambda accepts as the payload of a synchronous invocation.
PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024

# Plain text with HTTP status 200; a handler's own text would be JSON, in quotes.
_TIME_OUT = re.compile(rb"Task timed out after [\d.]+ seconds")


@dataclass(frozen=True, slots=True)
class Answer:
    """A function's answer, or the error that ended its invocation."""

    payload: bytes
    error: str | None = None


def timed_out(request_id: str, timeout_s: float) -> Answer:
    """The handler did not return in time."""
    return _failed(
        TIMED_OUT, f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    )


def exited(request_id: str) -> Answer:
    """The worker ended in mid-call: a crash, or somebody killed it."""
    return _failed(
        EXITED, f"RequestId: {request_id} Error: Runtime exited without providing a reason"
    )


def too_large(size: int) -> Answer:
    """The request is refused before it reaches the function."""
    limit = f"Request must be smaller than {PAYLOAD_LIMIT_BYTES} bytes for the Invoke operation"
    return _failed(TOO_LARGE, f"{limit}; it has {size}")


def from_emulator(status: int, body: bytes, request_id: str, timeout_s: float) -> Answer:
    """Read the emulator's answer.

    It has no header for function errors: a time-out is a text with status 200, and an unhandled
    exception is JSON with status 200 that a handler could have returned as well, were it not for
    the id of this very request in it.
    """
    if _TIME_OUT.fullmatch(body):
        return timed_out(request_id, timeout_s)
    if status == 200 and not body.startswith(b'{"errorMessage"'):
        return Answer(body)
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    error = document.get("errorType")
    if status == 200:
        unhandled = isinstance(error, str) and document.get("requestId") == request_id
        return Answer(body, error if unhandled else None)
    return Answer(body, error) if isinstance(error, str) else exited(request_id)


def _failed(error: str, message: str) -> Answer:
    return Answer(json.dumps({"errorType": error, "errorMessage": message}).encode(), error)
