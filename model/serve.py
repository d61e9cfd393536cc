"""The SageMaker container contract: GET /ping, POST /invocations.

`python -m model.serve`, or the container's command word `serve`. Its environment:

- MODEL_DIR: the folder with the unpacked model.tar.gz (default /opt/ml/model);
- HOST and PORT: where it listens (default 0.0.0.0 and 8080, as SageMaker wants it).

/ping answers 503 until the model is loaded. A model that cannot be loaded ends the process with
status 1 and the reason on stderr, which is in the endpoint's log. SIGTERM ends it with status 0
once the invocations under way are answered. One event loop scores, one invocation after the other:
a score takes less time than handing it to a thread would.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from millrace.errors import ConfigurationError, InvalidRequest, MillraceError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from model.invocation import MAX_BYTES, answer, check_version
from model.loading import Model, load_model

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_JSON = "application/json"
_GRACE_S = 10
_BACKLOG = 512
# SageMaker and load balancers keep connections; closing first would race with their next request.
_KEEP_ALIVE_S = 120


@dataclass(slots=True)
class Service:
    """What the server has loaded so far."""

    model: Model | None = None

    @property
    def loaded(self) -> Model:
        """The model. Raises InvalidRequest (503) before it is there."""
        if self.model is None:
            raise InvalidRequest(503, "model-loading", "The model is being loaded; try again.")
        return self.model


def application(service: Service) -> Starlette:
    """The two routes."""

    async def ping(request: Request) -> Response:
        return _answered({"modelVersion": service.loaded.contract.model_version}, service.model)

    async def invocations(request: Request) -> Response:
        model = service.loaded
        _check_content_type(request.headers.get("content-type", ""))
        check_version(request.headers.get(ATTRIBUTES, ""), model.contract)
        return _answered(answer(await _body(request), model), model)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, InvalidRequest)
        document = {"error": error.code, "message": str(error)}
        if error.field is not None:
            document["field"] = error.field
        return _answered(document, service.model, error.status)

    def not_found(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        message = f"{request.method} {request.url.path}: there are GET /ping, POST /invocations"
        document = {"error": "no-such-route", "message": message}
        return _answered(document, service.model, error.status_code, error.headers)

    return Starlette(
        routes=[
            Route("/ping", ping, methods=["GET"]),
            Route("/invocations", invocations, methods=["POST"]),
        ],
        exception_handlers={InvalidRequest: refused, HTTPException: not_found},
    )


def _answered(
    document: Mapping[str, object],
    model: Model | None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON answer; whatever it is, it says whose it is."""
    found = dict(headers or {})
    if model is not None:
        contract = model.contract
        found[ATTRIBUTES] = (
            f"model-version={contract.model_version};features={contract.features_version}"
        )
    return JSONResponse(document, status, found)


def _check_content_type(content_type: str) -> None:
    if content_type.partition(";")[0].strip().lower() != _JSON:
        raise InvalidRequest(
            415, "content-type", f"The content type must be {_JSON}, not {content_type!r}."
        )


async def _body(request: Request) -> bytes:
    """The body, of which no more than the bound is ever held."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise InvalidRequest(
                413, "too-large", f"The body is larger than {MAX_BYTES >> 20} MB, which is the most"
            )
    return bytes(body)


# The process.


class _Server(uvicorn.Server):
    """A server that ends with status 0 when it is asked to end: uvicorn would die of the signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def _listener(host: str, port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it each answer, which
    # is written in two pieces, may wait 40 ms for the client's acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror}. HOST and PORT say where."
        ) from error
    sock.setblocking(False)
    return sock


async def _serve(folder: Path, host: str, port: int) -> None:
    service = Service()
    server = _Server(
        uvicorn.Config(
            application(service),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[_listener(host, port)]))
    problem = None
    try:
        service.model = await asyncio.to_thread(load_model, folder)
        contract = service.model.contract
        _say(
            f"model {contract.model_version} ({contract.target}, features"
            f" {contract.features_version}) from {folder} on {host}:{port}"
        )
    except MillraceError as error:
        problem = error
        server.should_exit = True
    await serving
    if problem is not None:
        raise problem


def _settings(environment: Mapping[str, str]) -> tuple[Path, str, int]:
    folder = Path(environment.get("MODEL_DIR") or "/opt/ml/model")
    port = environment.get("PORT") or "8080"
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigurationError(f"PORT must be a number from 1 to 65535, not {port!r}.")
    # In a container every interface is its own; elsewhere HOST says otherwise.
    return folder, environment.get("HOST") or "0.0.0.0", int(port)  # noqa: S104


def _say(line: str) -> None:
    print(f"millrace model: {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Serve until asked to end; the exit status."""
    try:
        asyncio.run(_serve(*_settings(os.environ)))
    except MillraceError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
