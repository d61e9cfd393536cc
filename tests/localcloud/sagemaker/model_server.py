"""A stand-in model server, which keeps SageMaker's container contract and does as it is told.

What it does stands in the request, or in the input of one that predict sends: {"do": "echo"}
answers what it received, and so on. Variables:
LOADING_S is how long /ping answers 503; MODE=broken, or a file `broken` in the model's folder, ends
it before it listens.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_STARTED_S = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    """Answers /ping and /invocations."""

    protocol_version = "HTTP/1.1"
    # Head and body are written in two pieces; without this the second waits 40 ms.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        loading = time.monotonic() - _STARTED_S < float(os.environ.get("LOADING_S", "0"))
        self._answer(503 if loading or self.path != "/ping" else 200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/json":
            self._answer(415, b"only application/json")
            return
        request = json.loads(body)
        told = request if "do" in request else request["input"]
        getattr(self, f"_{told['do']}")(request)

    def _echo(self, request: dict[str, Any]) -> None:
        folder = Path(os.environ["MODEL_DIR"])
        answer = {
            "request": request,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "files": sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()),
            "mode": os.environ.get("MODE"),
            "pid": os.getpid(),
        }
        self._answer(200, json.dumps(answer).encode(), {_ATTRIBUTES: "model-version=7"})

    def _sleep(self, request: dict[str, Any]) -> None:
        print("sleeping", flush=True)
        time.sleep(request["seconds"])
        self._answer(200, b"{}")

    def _fail(self, request: dict[str, Any]) -> None:
        self._answer(request["status"], request["text"].encode())

    def _large(self, request: dict[str, Any]) -> None:
        self._answer(200, b'"%b"' % (b"x" * (request["size"] - 2)))

    def _chunked(self, request: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in (b"[1,", b"2]"):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def _hang_up(self, request: dict[str, Any]) -> None:
        self.close_connection = True

    def _exit(self, request: dict[str, Any]) -> None:
        os._exit(3)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Not a line for every ping."""


def main() -> None:
    """Serve where the environment says."""
    if os.environ.get("MODE") == "broken" or Path(os.environ["MODEL_DIR"], "broken").exists():
        sys.exit("no model here")
    print("serving", flush=True)
    address = (os.environ["HOST"], int(os.environ["PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()


if __name__ == "__main__":
    main()
