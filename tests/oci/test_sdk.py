"""Signing in and calling, with the real SDK, against a server on loopback that keeps the requests.

The function's own environment is used. What the services themselves would say is the business of
the local cloud; here it is that the SDK takes our calls, signs them as the function's resource
principal, goes where it is pointed, and that its errors become ours.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.oci.stores import ROOT

TOPIC = "ocid1.onstopic.oc1.eu-frankfurt-1.t"
SECRET = "ocid1.vaultsecret.oc1.eu-frankfurt-1.s"
PROGRAM = f"""
import logging, sys
from millrace import oci
from millrace.anomaly.notifications import NotificationsTopic
from millrace.errors import MillraceError
logging.basicConfig(level=logging.DEBUG)
oci.quiet()
print(oci.secret({SECRET!r}).decode())
print(NotificationsTopic({TOPIC!r}).publish("a title", "a body"))
print(oci.client("ons") is oci.client("ons"))
for status in ("429", "404"):
    try:
        NotificationsTopic({TOPIC!r} + status).publish("t", "private text")
    except MillraceError as error:
        print(type(error).__name__, error)
"""


class Server(ThreadingHTTPServer):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._keep(None)
        content = base64.b64encode(b"hunter2").decode()
        kept = {"contentType": "BASE64", "content": content, "stage": "CURRENT"}
        self._answer(200, {"secretId": SECRET, "versionNumber": 1, "secretBundleContent": kept})

    def do_POST(self) -> None:
        self._keep(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        for status in (429, 404):
            if f"{TOPIC}{status}" in self.path:
                self._answer(status, {"code": "Code", "message": "private text"})
                return
        self._answer(202, {"messageId": "m-1", "timeStamp": "2026-01-01T00:00:00Z"})

    def _keep(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    thread = threading.Thread(target=started.serve_forever, daemon=True)
    thread.start()
    yield started
    started.shutdown()
    started.server_close()
    thread.join()


def token() -> str:
    """A resource principal's token, as far as the SDK looks into it."""

    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    claims = {"exp": int(time.time()) + 3600, "res_tenant": "t", "res_compartment": "c"}
    return f"{part({'alg': 'RS256'})}.{part(claims)}.{part('signature')}"


def principal(folder: Path) -> dict[str, str]:
    """The environment of a function that is signed in."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (folder / "rpst").write_text(token())
    return {
        "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
        "OCI_RESOURCE_PRINCIPAL_RPST": str(folder / "rpst"),
        "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": str(folder / "key.pem"),
        "OCI_RESOURCE_PRINCIPAL_REGION": "eu-frankfurt-1",
    }


def run(program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers/core"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [str(ROOT / ".venv-oci/bin/python"), "-c", program], env=given | environ, text=True,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_function_reads_its_secret_and_publishes(server: Server, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{server.server_port}"
    done = run(PROGRAM, MILLRACE_OCI_ENDPOINT=endpoint, **principal(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["hunter2", "m-1", "True"]
    assert lines[3] == f"Unavailable Cannot publish to the topic {TOPIC}429: 429 Code"
    assert lines[4].startswith(f"ConfigurationError Cannot publish to the topic {TOPIC}404: 404")
    assert "private text" not in done.stdout + done.stderr
    assert "hunter2" not in done.stderr
    (method, path, headers, _), (posted, topic, _, body), *tried = server.asked
    assert (method, path.split("?")[0].endswith(f"/secretbundles/{SECRET}")) == ("GET", True)
    assert headers["authorization"].startswith('Signature algorithm="rsa-sha256"')
    assert 'keyId="ST$' in headers["authorization"]
    assert (posted, topic.endswith(f"/topics/{TOPIC}/messages")) == ("POST", True)
    assert body == {"title": "a title", "body": "a body"}
    assert len(tried) == 2  # each once: the outbox tries again


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    environ = {"MILLRACE_OCI_ENDPOINT": "http://127.0.0.1:1", **principal(tmp_path)}
    done = run(PROGRAM.split("print(oci.secret")[0] + f"oci.secret({SECRET!r})", **environ)
    assert "Unavailable: Cannot read the secret" in done.stderr


@pytest.mark.parametrize("asks", ["oci.client('ons')", f"oci.secret({SECRET!r})"])
def test_without_a_sign_in_it_says_what_is_missing(tmp_path: Path, asks: str) -> None:
    done = run(f"from millrace import oci\n{asks}", HOME=str(tmp_path))
    assert "ConfigurationError: There is neither a resource principal" in done.stderr


def test_a_client_is_made_once_for_each_endpoint(tmp_path: Path) -> None:
    program = (
        "import os\nfrom millrace import oci\nmade = []\n"
        "for port in '121':\n"
        "    os.environ['MILLRACE_OCI_ENDPOINT'] = f'http://127.0.0.1:{port}'\n"
        "    made.append(oci.client('ons'))\n"
        "print(made[0] is made[2], made[0] is made[1], made[1].base_client.endpoint)"
    )
    done = run(program, **principal(tmp_path))
    assert done.stdout.split()[:2] == ["True", "False"]
    assert done.stdout.split()[2].startswith("http://127.0.0.1:2")


def test_the_sdk_is_not_imported_before_it_is_used() -> None:
    program = "import sys\nfrom millrace.anomaly import service\nprint('oci' in sys.modules)"
    assert run(program).stdout == "False\n"
