"""Serving the page until Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator

import uvicorn
from millrace.errors import ConfigurationError
from starlette.types import ASGIApp


def listener(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {error.strerror or error};"
            " choose another with --port (0: any free one)"
        ) from error
    return sock


def url_of(sock: socket.socket) -> str:
    """Where the page is, for a browser."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(app: ASGIApp, sock: socket.socket) -> None:
    """Answer until the process is told to stop (Ctrl-C, SIGTERM); then return."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    with _without_a_traceback():
        uvicorn.Server(config).run(sockets=[sock])


@contextlib.contextmanager
def _without_a_traceback() -> Iterator[None]:
    """uvicorn raises the signal again when it is done; Ctrl-C is how this is meant to end."""
    with contextlib.suppress(KeyboardInterrupt):
        yield
