"""HTTP API events (payload format 2.0) as requests, and what is answered, errors included.

Every answer is JSON. An error's body is {"error", "message", "field"?}: a stable code in kebab
case, a text for people, and the field at fault. What failed inside is for the logs; a caller
learns what it is and when to try again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from millrace.errors import (
    InvalidRequest,
    MillraceError,
    NotDeployed,
    PredictionError,
    StateError,
    Throttled,
    TooSlow,
    Unavailable,
)
from millrace.inference.call import Stage
from millrace.inference.contract import MAX_BODY_BYTES

# Lambda's bound on an answer, less what stands around the body.
MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024
# Below this no answer can grow beyond that bound by being escaped.
_SURELY_FITS = 1024 * 1024

_THROTTLED_S, _SLOW_S, _UNAVAILABLE_S, _MISSING_S = 1, 1, 5, 60
_SUBJECTS: Mapping[Stage, str] = {
    "features": "Features cannot be read",
    "endpoint": "The model's endpoint cannot be asked",
    "feedback": "Feedback cannot be taken",
}
_JSON = "application/json"
UNREADABLE = "The stored features cannot be read; the function's log says why."

Answer = dict[str, Any]


class Request(NamedTuple):
    """A request: its route as the template has it, and what it brings."""

    route: str
    path_user: object
    body: bytes
    content_type: str
    id: str


def request_of(event: object) -> Request:
    """The request in an event. Raises InvalidRequest."""
    if not isinstance(event, Mapping) or not isinstance(event.get("routeKey"), str):
        raise InvalidRequest(
            400, "not-a-request", "The event is no request of an HTTP API: it has no routeKey"
        )
    headers = {str(name).lower(): str(text) for name, text in _mapping(event, "headers").items()}
    if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise InvalidRequest(
            415, "unsupported-encoding", "Send the body as it is: no content-encoding is decoded"
        )
    return Request(
        event["routeKey"],
        _mapping(event, "pathParameters").get("userId"),
        _body(event),
        headers.get("content-type", ""),
        request_id(event),
    )


def request_id(event: object) -> str:
    """The gateway's id of a request; empty where it has none."""
    if not isinstance(event, Mapping):
        return ""
    found = _mapping(event, "requestContext").get("requestId")
    return found if isinstance(found, str) else ""


def json_body(request: Request) -> bytes:
    """The body of a request that must be JSON. Raises InvalidRequest."""
    media, *parameters = request.content_type.split(";")
    if media.strip().lower() != _JSON or _charset(parameters) not in ("", "utf-8", "utf8"):
        given = repr(request.content_type[:60]) if request.content_type else "none"
        raise InvalidRequest(
            415, "unsupported-type", f"The content-type must be {_JSON} but is {given}"
        )
    return request.body


def _charset(parameters: Sequence[str]) -> str:
    """The charset among a content type's parameters; empty where there is none."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def answer(status: int, body: Mapping[str, object], **headers: str) -> Answer:
    """An HTTP API answer with a JSON body. Raises InvalidRequest where it would not fit."""
    written = orjson.dumps(body).decode()
    if len(written) > _SURELY_FITS and len(json.dumps(written)) > MAX_ANSWER_BYTES:
        raise InvalidRequest(
            413, "answer-too-large", "The answer is larger than can be sent: ask for fewer users"
        )
    return raw_answer(status, written, **headers)


def raw_answer(status: int, body: str, **headers: str) -> Answer:
    """An HTTP API answer with a body that is JSON already."""
    always = {"content-type": _JSON, "cache-control": "no-store"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"statusCode": status, "headers": {**always, **named}, "body": body}


def problem(error: MillraceError, stage: Stage) -> Answer:
    """What is answered when a request ends with an error at a stage of its work."""
    match error:
        case InvalidRequest():
            return _error(error.status, error.code, str(error), field=error.field)
        case TooSlow():
            subject = _SUBJECTS.get(stage, "No answer can be given")
            return _error(504, "too-slow", f"{subject} in time.", retry_s=_SLOW_S)
        case Throttled():
            message = f"{_SUBJECTS[stage]} for the moment: too much is asked."
            return _error(503, f"{stage}-throttled", message, retry_s=_THROTTLED_S)
        case Unavailable():
            message = f"{_SUBJECTS[stage]} for the moment."
            return _error(503, f"{stage}-unavailable", message, retry_s=_UNAVAILABLE_S)
        case NotDeployed():
            return _error(503, error.code, str(error), retry_s=_MISSING_S)
        case PredictionError():
            return _error(502, error.code, str(error))
        case StateError():
            return _error(500, "features-unreadable", UNREADABLE)
        case _:
            raise error


def _error(
    status: int, code: str, message: str, *, field: str | None = None, retry_s: int | None = None
) -> Answer:
    body = {"error": code, "message": message}
    if field is not None:
        body["field"] = field
    headers = {} if retry_s is None else {"retry_after": str(retry_s)}
    return answer(status, body, **headers)


def _mapping(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, Mapping) else {}


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded") is True:
            body = base64.b64decode(text, validate=True)
        else:
            body = text.encode()
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidRequest(400, "not-json", "The body is no text of UTF-8") from error
    if len(body) > MAX_BODY_BYTES:
        raise InvalidRequest(
            413, "too-large", f"The body has {len(body)} bytes; at most {MAX_BODY_BYTES} are taken"
        )
    return body
