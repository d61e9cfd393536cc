"""moto's own dispatcher, called in this thread: everything but DynamoDB's data plane."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote_to_bytes

from botocore.model import OperationNotFoundError
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from localcloud.aws_protocol import error_answer, protocol_of

Headers = Sequence[tuple[str, str]]

_MOTO = version("moto")
_SIGNED_FOR = re.compile(r"/([^/,]+)/aws4_request")
_FLASK_NOT_FOUND = b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, whole; `target` is path and query as they came, `headers` in order."""

    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Dispatcher:
    """moto's WSGI application as a plain function."""

    _application: DomainDispatcherApplication = field(
        default_factory=lambda: DomainDispatcherApplication(create_backend_app)
    )

    def call(self, request: Request) -> tuple[int, Headers, bytes]:
        """Status, headers and body of moto's answer; never raises."""
        answer = _Answer()
        try:
            chunks: Iterable[bytes] = self._application(_environ(request), answer.start)
            try:
                body = b"".join(chunks)
            finally:
                getattr(chunks, "close", lambda: None)()
        except Exception as error:  # a bug of moto must not take the server down
            return self._failure(request, error)
        if body.startswith(_FLASK_NOT_FOUND):
            text = f"moto {_MOTO} knows no operation {request.method} {request.target}"
            return _error(request, 404, "UnknownOperationException", text)
        return answer.status, answer.headers, body

    def _failure(self, request: Request, error: Exception) -> tuple[int, Headers, bytes]:
        service = _service(request)
        if not self._serves(request):
            text = f"moto {_MOTO} has no service {service!r}, for which the request is signed"
            return _error(request, 400, "UnknownService", text)
        if isinstance(error, OperationNotFoundError):
            text = f"{service} has no operation {error}"
            return _error(request, 400, "UnknownOperationException", text)
        if isinstance(error, NotImplementedError):
            text = f"moto {_MOTO} does not implement this of {service}: {error}"
            return _error(request, 501, "NotImplemented", text)
        _log.error("moto failed in %s %.500s", request.method, request.target, exc_info=error)
        return _error(request, 500, "InternalFailure", f"moto failed: {error!r}; see its log")

    def _serves(self, request: Request) -> bool:
        with contextlib.redirect_stdout(io.StringIO()):  # moto prints hints for its developers
            host = self._application.infer_service_region_host(_environ(request), request.target)
            return host is None or self._application.get_backend_for_host(host) is not None


@dataclass(slots=True)
class _Answer:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)

    def start(self, status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        """WSGI's start_response."""
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers


def _service(request: Request) -> str | None:
    signed = _SIGNED_FOR.search(dict(request.headers).get("authorization", ""))
    return signed[1] if signed else None


def _error(request: Request, status: int, code: str, message: str) -> tuple[int, Headers, bytes]:
    protocol = protocol_of(_service(request), dict(request.headers))
    error = error_answer(protocol, status, code, message, head=request.method == "HEAD")
    return error.status, error.headers, error.body


def _environ(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    host = next((value for name, value in request.headers if name == "host"), "127.0.0.1")
    name, _, port = host.partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": request.target,
        "REQUEST_URI": request.target,
        "SERVER_NAME": name,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    environ.update(_header_environ(request.headers))
    return environ


def _header_environ(headers: Headers) -> dict[str, Any]:
    """CGI variables of the headers, and moto's note of S3 metadata names with an underscore."""
    environ: dict[str, Any] = {}
    underscored: dict[str, str] = {}
    dashed = {environ_key_for_header(name) for name, _ in headers if "_" not in name}
    for name, value in headers:
        key = environ_key_for_header(name)
        if name in ("content-length", "transfer-encoding"):
            continue  # the body is here, whole
        if "_" in name:
            if key in dashed or not should_preserve_original_header_name(name):
                continue  # it must not pass for another header
            underscored[key] = name
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = underscored
    return environ
