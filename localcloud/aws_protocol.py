"""The wire protocols of AWS services, as far as an answer of our own needs them.

A botocore client raises the right exception class only when an error comes in the shape of its
service's protocol; which one that is can be told from the request.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from xml.sax.saxutils import escape

import orjson


class Protocol(StrEnum):
    """How a service speaks."""

    JSON = "json"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"
    QUERY = "query"
    EC2 = "ec2"
    CBOR = "smithy-rpc-v2-cbor"


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error in its protocol's shape; `body` is empty where the protocol allows none."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


_XML_SERVICES = frozenset({"s3", "s3control", "route53", "cloudfront"})
_FORM = "application/x-www-form-urlencoded"


def protocol_of(service: str | None, headers: Mapping[str, str]) -> Protocol:
    """The protocol of a request to `service`; header names are in lower case."""
    content_type = headers.get("content-type", "")
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Protocol.CBOR
    if service in _XML_SERVICES:
        return Protocol.REST_XML
    if content_type.startswith("application/x-amz-json") or "x-amz-target" in headers:
        return Protocol.JSON
    if content_type.startswith(_FORM):
        return Protocol.EC2 if service == "ec2" else Protocol.QUERY
    return Protocol.REST_JSON


def error_answer(
    protocol: Protocol, status: int, code: str, message: str, *, head: bool = False
) -> ErrorAnswer:
    """Error `code` as a service of `protocol` would answer it; `head`: to a HEAD request."""
    request_id = str(uuid.uuid4())
    content_type, body = _body(protocol, status, code, message, request_id)
    headers = [
        ("content-type", content_type),
        ("x-amzn-requestid", request_id),
        ("x-amz-request-id", request_id),
    ]
    if protocol in (Protocol.JSON, Protocol.REST_JSON):
        headers.append(("x-amzn-errortype", code))
    if protocol is Protocol.CBOR:
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    return ErrorAnswer(status, tuple(headers), b"" if head else body)


def _body(
    protocol: Protocol, status: int, code: str, message: str, request_id: str
) -> tuple[str, bytes]:
    if protocol is Protocol.JSON:
        return "application/x-amz-json-1.1", orjson.dumps({"__type": code, "message": message})
    if protocol is Protocol.REST_JSON:
        return "application/json", orjson.dumps({"message": message, "Message": message})
    if protocol is Protocol.CBOR:
        return "application/cbor", _cbor({"__type": code, "message": message})
    return "text/xml", _xml(protocol, status, code, message, request_id).encode()


def _xml(protocol: Protocol, status: int, code: str, message: str, request_id: str) -> str:
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol is Protocol.REST_XML:
        return f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    if protocol is Protocol.EC2:
        return (
            f"<Response><Errors><Error>{error}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    side = "Receiver" if status >= 500 else "Sender"
    return (
        f"<ErrorResponse><Error><Type>{side}</Type>{error}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _cbor(texts: Mapping[str, str]) -> bytes:
    """A map of texts (RFC 8949, major types 5 and 3), which is all that an error needs."""
    parts = [bytes([0xA0 | len(texts)])]
    for text in (part for item in texts.items() for part in item):
        data = text.encode()
        parts += (b"\x7a", len(data).to_bytes(4, "big"), data)
    return b"".join(parts)
