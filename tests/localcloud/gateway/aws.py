"""AWS clients for these tests, and the requests that botocore would send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.session import Session, get_session

from localcloud.gateway.recognition import Head


@cache
def session() -> Session:
    """One session for all: it keeps the models that it loaded, which takes tens of milliseconds."""
    return get_session()


def client(
    service: str,
    url: str,
    *,
    attempts: int = 1,
    app_id: str | None = None,
    signature_version: str | None = None,
) -> Any:
    """A botocore client that talks to `url` alone."""
    options: dict[str, Any] = {
        "retries": {"total_max_attempts": attempts, "mode": "standard"},
        "user_agent_appid": app_id,
        "signature_version": signature_version,
        "proxies": {},
        "read_timeout": 60,
    }
    return session().create_client(
        service,
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="AKIDLOCAL",
        aws_secret_access_key="secret",
        config=Config(**options),
    )


@cache
def model_of(service: str) -> ServiceModel:
    """The model of a service, as it is: S3's clients change the models of their session."""
    return get_session().get_service_model(service)


class _Captured(Exception):
    def __init__(self, request: AWSPreparedRequest) -> None:
        self.request = request


def _capture(request: AWSPreparedRequest, **_: object) -> None:
    raise _Captured(request)


@cache
def _capturing_client(service: str) -> Any:
    capturing = client(service, "http://127.0.0.1:9")
    capturing.meta.events.register("before-send", _capture)
    return capturing


def sent(service: str, operation: str, parameters: Mapping[str, Any]) -> tuple[Head, bytes]:
    """Head and body of the signed request that botocore would send."""
    capturing = _capturing_client(service)
    methods = {api: method for method, api in capturing.meta.method_to_api_mapping.items()}
    try:
        getattr(capturing, methods[operation])(**parameters)
    except _Captured as captured:
        request = captured.request
        body = request.body.encode() if isinstance(request.body, str) else request.body
        form = body if isinstance(body, bytes) else b""
        return head(request.method, request.url, dict(request.headers.items())), form
    raise AssertionError(f"{service}.{operation} sent nothing")


def serialised(service: str, operation: str) -> tuple[Head, bytes]:
    """Head and body of an operation's least request, without a client's round of endpoints and
    signatures, and so a hundred times faster."""
    model = model_of(service)
    serializer = create_serializer(model.resolved_protocol, include_validation=False)
    request = serializer.serialize_to_request(
        least(service, operation), model.operation_model(operation)
    )
    query = request["query_string"]
    pairs = query.items() if isinstance(query, dict) else query
    path, _, fixed = request["url_path"].partition("?")
    text = "&".join(filter(None, [fixed, urlencode(list(pairs), doseq=True)]))
    scope = f"Credential=AKIDLOCAL/20240102/eu-central-1/{model.signing_name}/aws4_request"
    headers = {**request["headers"], "authorization": f"AWS4-HMAC-SHA256 {scope}, Signature=0"}
    body = request["body"]
    form = urlencode(body).encode() if isinstance(body, dict) else b""
    return Head(request["method"], path, text, {k.lower(): v for k, v in headers.items()}), form


def head(method: str, url: str, headers: Mapping[str, Any]) -> Head:
    """The head of a request as the gateway sees it."""
    target = url.removeprefix("http://127.0.0.1:9")
    path, _, query = target.partition("?")
    texts = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in headers.items()
    }
    return Head(method, path or "/", query, texts)


def operations(service: str) -> list[str]:
    """The operations of a service that are not deprecated."""
    model = model_of(service)
    return [name for name in model.operation_names if not model.operation_model(name).deprecated]


def least(service: str, operation: str) -> dict[str, Any]:
    """The least parameters that an operation requires."""
    model = model_of(service)
    shape: Any = model.operation_model(operation).input_shape
    required = [] if shape is None else shape.required_members
    return {name: _value(shape.members[name], name) for name in required}


def _value(shape: Any, name: str) -> Any:
    least_size = max(1, shape.metadata.get("min", 1))
    match shape.type_name:
        case "structure":
            # of a union one member, whichever
            one = [next(iter(shape.members))] if shape.is_tagged_union else []
            required = shape.metadata.get("required", one)
            return {each: _value(shape.members[each], each) for each in required}
        case "list":
            return [_value(shape.member, name)] * least_size
        case "map":
            return {"key": _value(shape.value, name)}
        case "integer" | "long":
            return least_size
        case "float" | "double":
            return 1.0
        case "boolean":
            return True
        case "blob":
            return b"data"
        case "timestamp":
            return datetime(2024, 1, 2, tzinfo=UTC)
    if shape.enum:
        return shape.enum[0]
    return {"Bucket": "bucket", "Key": "some/key +ü"}.get(name, "x" * max(4, least_size))
