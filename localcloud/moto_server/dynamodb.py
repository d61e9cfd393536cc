"""DynamoDB's data plane on moto's own operations, without Flask, parsers and serialisers.

A request is parsed here, moto's method for the operation runs, and its result is written out.
Every answer equals what moto's dispatcher would give (a test compares them), except where moto
differs from DynamoDB: consumed capacity is computed, `limits` are enforced, the token of a
transaction makes it idempotent for ten minutes, and a transaction no longer copies whole tables.
"""

from __future__ import annotations

import base64
import binascii
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

from localcloud.moto_server import limits
from localcloud.moto_server.metering import Meter, consumed
from localcloud.moto_server.snapshots import cheap_snapshots
from localcloud.moto_server.tokens import Tokens

CAPACITY_HEADER = "x-localcloud-capacity"
OPERATIONS = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
_WRITES = frozenset({"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class DataPlane:
    """Executes data-plane operations for one account; call it from one thread only."""

    account_id: str
    now_s: Callable[[], float]
    _tokens: Tokens[Answer] = field(default_factory=Tokens)

    def call(self, operation: str, region: str, body: bytes) -> Answer:
        """Execute one of OPERATIONS; never raises."""
        try:
            request = _decoded(orjson.loads(body or b"{}"))
        except (ValueError, binascii.Error) as error:
            return _error("SerializationException", f"The body is not valid JSON: {error}")
        if not isinstance(request, dict):
            return _error("SerializationException", "The body must be a JSON object")
        refusal = _missing(operation, request)
        if refusal is None and operation in _WRITES:
            refusal = limits.violation(request)
        if refusal is not None:
            return _error("ValidationException", refusal)
        if operation != "TransactWriteItems" or "ClientRequestToken" not in request:
            return self._execute(operation, region, request)
        return self._idempotent(region, request)

    def _idempotent(self, region: str, request: dict[str, Any]) -> Answer:
        token = f"{region} {request.pop('ClientRequestToken')}"
        content = orjson.dumps(request, default=_plain, option=orjson.OPT_SORT_KEYS)
        known = self._tokens.find(token, self.now_s())
        if known is None:
            answer = self._execute("TransactWriteItems", region, request)
            if answer.status == 200:
                self._tokens.remember(token, content, answer, self.now_s())
            return answer
        if known.content != content:
            return _error(
                "IdempotentParameterMismatchException",
                "The ClientRequestToken was used within ten minutes for another request",
            )
        return known.answer

    def _execute(self, operation: str, region: str, request: dict[str, Any]) -> Answer:
        backend = dynamodb_backends[self.account_id][region]
        try:
            meter = Meter(backend, operation, request)
            with cheap_snapshots(backend, operation, request):
                result = self._moto(operation, region, request)
        except HTTPException as error:  # how moto's DynamoDB raises its errors
            return _refused(error, meter)
        except Exception:  # a bug of moto must not take the server down
            _log.exception("moto failed in DynamoDB %s of %.2000r", operation, request)
            return _error("InternalServerError", f"moto failed in {operation}; see its log", 500)
        units = meter.units(result)
        answer = {key: value for key, value in result.items() if key in _members(operation)}
        answer.pop("ConsumedCapacity", None)
        answer.update(consumed(operation, request, units))
        return _answer(200, orjson.dumps(answer, default=_plain), meter.header(units))

    def _moto(self, operation: str, region: str, request: dict[str, Any]) -> dict[str, Any]:
        handler = DynamoHandler()
        handler.body = request
        handler.region = region
        handler.current_account = self.account_id
        result = getattr(handler, camelcase_to_underscores(operation))()
        assert isinstance(result, ActionResult), f"{operation} gave {type(result)}"
        answer = result.result
        assert isinstance(answer, dict), f"{operation} gave {type(answer)}"
        return answer


@cache
def _members(operation: str) -> frozenset[str]:
    shape = get_service_model("dynamodb").operation_model(operation).output_shape
    return frozenset(shape.members)


@cache
def _required(operation: str) -> tuple[str, ...]:
    shape = get_service_model("dynamodb").operation_model(operation).input_shape
    return tuple(shape.required_members)


def _missing(operation: str, request: Mapping[str, Any]) -> str | None:
    for name in _required(operation):
        if name not in request:
            return f"The parameter '{name}' is required but was not present in the request"
    return None


def _refused(error: HTTPException, meter: Meter) -> Answer:
    body = (error.description or "").encode()
    conflict = b"ConditionalCheckFailedException" in body or b"TransactionCanceled" in body
    units = meter.units({}) if conflict else None
    return _answer(error.code or 400, body, meter.header(units) if units else {})


def _error(code: str, message: str, status: int = 400) -> Answer:
    prefix = "com.amazonaws.dynamodb.v20120810#"
    return _answer(status, orjson.dumps({"__type": prefix + code, "message": message}), {})


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    common = {
        "content-type": "application/x-amz-json-1.0",
        "x-amzn-requestid": uuid.uuid4().hex.upper(),
        "x-amz-crc32": str(binascii.crc32(body)),
    }
    return Answer(status, {**common, **headers}, body)


def _decoded(node: object) -> object:
    """The request with binary values as bytes, as moto's own parser hands them on."""
    if isinstance(node, dict):
        # `{"B": "…"}` is always a value: an attribute or a table of that name holds an object.
        if len(node) == 1:
            binary = node.get("B")
            if isinstance(binary, str):
                return {"B": base64.b64decode(binary, validate=True)}
            binaries = node.get("BS")
            if isinstance(binaries, list):
                return {"BS": [base64.b64decode(each, validate=True) for each in binaries]}
        return {key: _decoded(value) for key, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_decoded(value) for value in node]
    return node


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"moto answered with {type(value)}, which JSON cannot hold: {value!r}")
