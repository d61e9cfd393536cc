"""The command: what it prints, where it listens, how it ends."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from millrace.errors import ConfigurationError

from cli.anomaly_page.server import listener, url_of
from cli.anomaly_serve import token_of
from tests.anomaly_page.conftest import Serve
from tests.anomaly_page.making import Plant

MILLRACE = str(Path(sys.executable).with_name("millrace"))


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [MILLRACE, "anomalies", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_serves_what_is_named_and_ends_well(plant: Plant, serve: Serve) -> None:
    plant.send("cpu", 1.0)
    url = serve("--database", plant.url, "--by", "bob")
    status = httpx.get(f"{url}api/status", trust_env=False).json()
    assert (status["series"], status["by"]) == (1, "bob")
    page = httpx.get(url, trust_env=False)
    assert page.text.startswith("<!doctype html>")
    assert "server" not in page.headers


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ran("--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stdout) == (2, "")
    assert "choose another with --port" in done.stderr


def test_a_database_that_is_none() -> None:
    done = ran("--database", "mysql://x")
    assert done.returncode == 2
    assert "sqlite:///PATH or oracle://USER@DSN" in done.stderr


def test_where_others_can_reach_it_a_token_is_made_up(tmp_path: Path) -> None:
    command = [MILLRACE, "anomalies", "serve", "--host", "0.0.0.0", "--port", "0"]
    command += ["--database", f"sqlite:///{tmp_path}/none.db"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = re.findall(r":(\d+)/$", process.stdout.readline().strip())[0]
        url = f"http://127.0.0.1:{port}/api/status"
        assert httpx.get(url, trust_env=False).status_code == 401
        process.terminate()
        _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    (token,) = re.findall(r"it asks for this token: (\S+)", told)
    assert len(token) == 32
    assert "plain HTTP" in told


def test_tokens() -> None:
    assert token_of({}, needed=False) is None
    assert token_of({"MILLRACE_PAGE_TOKEN": "x" * 20}, needed=False) == "x" * 20
    assert token_of({}, needed=True) != token_of({}, needed=True)
    with pytest.raises(ConfigurationError, match="has 5 characters; it needs at least 20"):
        token_of({"MILLRACE_PAGE_TOKEN": "short"}, needed=True)


def test_addresses() -> None:
    with listener("::1", 0) as sock:
        assert url_of(sock).startswith("http://[::1]:")
    with listener("0.0.0.0", 0) as sock:
        assert url_of(sock).startswith("http://127.0.0.1:")
    with pytest.raises(ConfigurationError, match="Cannot listen on nowhere"):
        listener("nowhere.invalid", 0)
