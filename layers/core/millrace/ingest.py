"""POST /events: events from front ends, checked before they reach the stream."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from millrace.errors import InvalidEvent
from millrace.events import EventReader
from millrace.producer import BATCH_RECORDS, Outgoing, Producer, documents, outgoing

_RETRY_AFTER_S = 2

Answer = dict[str, Any]


def answer(status: int, body: Mapping[str, object], **headers: str) -> Answer:
    """An HTTP API answer with a JSON body."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **headers},
        "body": orjson.dumps(body).decode(),
    }


def ingest(request: object, reader: EventReader, producer: Producer, now_ms: int) -> Answer:
    """Put a request's events on the stream: all of them, or none where one is wrong.

    202 with how many were accepted; 400 naming the field, and in a list the place; 413 for more
    than fit one batch. An event without an id gets one, so that the stream's own retries are
    recognised; a caller that tries again itself must bring ids of its own. Raises Unavailable
    when the stream refuses: then `try_later` is the answer.
    """
    try:
        given = documents(_body(request))
    except ValueError as error:
        return answer(400, {"error": "not-json", "message": f"The body is not valid JSON: {error}"})
    if not given:
        return answer(400, {"error": "no-events", "message": "The list of events is empty."})
    if len(given) > BATCH_RECORDS:
        message = f"{len(given)} events in a request; at most {BATCH_RECORDS} are taken."
        return answer(413, {"error": "too-many-events", "message": message})
    checked: list[Outgoing] = []
    for index, document in enumerate(given):
        try:
            checked.append(outgoing(document, reader, now_ms))
        except InvalidEvent as error:
            where = {"index": index} if len(given) > 1 else {}
            return answer(400, {"error": error.reason, "message": str(error), **where})
    producer.put(checked)
    return answer(202, {"accepted": len(checked)})


def try_later() -> Answer:
    """503 with Retry-After; what refused is for the logs, not for the caller."""
    body = {"error": "unavailable", "message": "Events cannot be taken for the moment."}
    return answer(503, body, **{"retry-after": str(_RETRY_AFTER_S)})


def _body(request: object) -> bytes:
    """The body's bytes. Raises ValueError, also where there is no text of one."""
    given = request if isinstance(request, Mapping) else {}
    body = given.get("body")
    if not isinstance(body, str):
        raise ValueError("there is none")
    if given.get("isBase64Encoded"):
        return base64.b64decode(body, validate=True)
    return body.encode()
