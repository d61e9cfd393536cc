"""moto's own dispatcher, called in this thread: everything but DynamoDB's data plane."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

Headers = Sequence[tuple[str, str]]

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

    _application: Any = field(
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
        except NotImplementedError as error:
            return _failure(501, "NotImplemented", f"moto does not implement this: {error}")
        except Exception as error:  # a bug of moto must not take the server down
            _log.exception("moto failed in %s %.500s", request.method, request.target)
            return _failure(500, "InternalFailure", f"moto failed: {error!r}; see its log")
        return answer.status, answer.headers, body


@dataclass(slots=True)
class _Answer:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)

    def start(self, status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        """WSGI's start_response."""
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers


def _failure(status: int, code: str, message: str) -> tuple[int, Headers, bytes]:
    body = orjson.dumps({"__type": code, "message": message})
    headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)]
    return status, headers, body


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
