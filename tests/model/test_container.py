"""The container as its Dockerfile makes it: the same files, the same command, a real process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from model.loading import Model
from model.serve import ATTRIBUTES
from tests.model.asking import JSON_TYPE, invocation

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, in order."""
    text = (ROOT / "model/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def said(name: str) -> list[str]:
    """What stands behind an instruction, wherever it is used."""
    return [rest for found, rest in instructions() if found == name]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The container's /opt/program."""
    folder = tmp_path_factory.mktemp("container")
    for rest in said("COPY"):
        *sources, target = rest.split()
        to = folder / target
        to.mkdir(parents=True, exist_ok=True)
        for source in sources:
            (to / Path(source).name).write_bytes((ROOT / source).read_bytes())
    return folder


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def start(program: Path, **environment: str) -> subprocess.Popen[str]:
    """The entry point with its command word; the folder it starts in is not the program's."""
    (entry,), (word,) = said("ENTRYPOINT"), said("CMD")
    command: list[str] = json.loads(entry) + json.loads(word)
    assert command[0] == "python"
    return subprocess.Popen(
        [sys.executable, *command[1:]],
        cwd=program.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(program), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def serving(program: Path, model_folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running container and its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(program, MODEL_DIR=str(model_folder), HOST="127.0.0.1", PORT=str(port))
    try:
        until = time.monotonic() + PATIENCE_S
        while not answers(url):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.05)
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/ping").status_code == 200
    return False


def test_it_serves_the_model_and_ends_when_it_is_asked_to(
    program: Path, model_folder: Path, model: Model
) -> None:
    with serving(program, model_folder) as (process, url), httpx.Client(base_url=url) as client:
        answer = client.post("/invocations", json=invocation(model))
        assert answer.status_code == 200
        values = [1.5] * len(model.contract.features)
        assert answer.json()["score"] == model.scorer.score(values)
        assert answer.headers[ATTRIBUTES].startswith("model-version=")
        assert client.post("/invocations", content=b"{", headers=JSON_TYPE).status_code == 400
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert errors.startswith(f"millrace model: model {model.contract.model_version} (purchase")
    assert "Traceback" not in errors


def test_an_invocation_under_way_is_answered_before_the_end(
    program: Path, model_folder: Path, model: Model
) -> None:
    body = json.dumps(invocation(model)).encode()
    with serving(program, model_folder) as (process, url):
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
            head = (
                f"POST /invocations HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            sock.sendall(head.encode() + body[:100])
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert process.poll() is None
            sock.sendall(body[100:])
            answer = b"".join(iter(lambda: sock.recv(65_536), b""))
        process.communicate(timeout=PATIENCE_S)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert process.returncode == 0


def test_a_body_that_is_too_large_is_refused_over_a_real_connection(
    program: Path, model_folder: Path
) -> None:
    with serving(program, model_folder) as (_, url):
        answer = httpx.post(f"{url}/invocations", content=b"x" * (6 << 20), headers=JSON_TYPE)
        assert answer.status_code == 413
        assert answers(url)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "Cannot read {folder}/contract.json: No such file"),
        ({"PORT": "http"}, "PORT must be a number from 1 to 65535, not 'http'"),
        ({"PORT": "70000"}, "PORT must be a number"),
    ],
)
def test_what_is_wrong_ends_it_with_the_reason(
    program: Path, tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    settings = {"HOST": "127.0.0.1", "PORT": str(free_port()), "MODEL_DIR": str(tmp_path)}
    process = start(program, **{**settings, **environment})
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert words.format(folder=tmp_path) in errors
    assert "Traceback" not in errors


def test_a_damaged_model_ends_it_with_the_reason(
    program: Path, model_folder: Path, tmp_path: Path
) -> None:
    for name in ("contract.json", "model.json"):
        (tmp_path / name).write_bytes((model_folder / name).read_bytes())
    with (tmp_path / "model.json").open("ab") as file:
        file.write(b" ")
    process = start(
        program, HOST="127.0.0.1", PORT=str(free_port()), MODEL_DIR=str(tmp_path)
    )  # fmt: skip
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "is not the model of contract.json" in errors


def test_a_port_that_is_taken_ends_it(program: Path, model_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start(program, HOST="127.0.0.1", PORT=port, MODEL_DIR=str(model_folder))
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("words", [["train"], [], ["serve", "twice"]])
def test_another_command_word_is_refused(program: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "model", *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "the only command word is serve" in done.stderr


def test_what_is_imported_is_locked_and_light(program: Path) -> None:
    """No numpy, no scikit-learn, no SDK: what the lock holds, and the standard library."""
    code = "import sys, model.serve; print(*{name.partition('.')[0] for name in sys.modules})"
    aliases = {"__main__", "__mp_main__"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        check=True,
    )
    # What an environment's .pth files import when Python starts is not ours.
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    started_with = {name.partition(".")[0] for name in bare.stdout.split()}
    imported = set(done.stdout.split()) - sys.stdlib_module_names - started_with
    lock = (ROOT / "model/requirements.lock").read_text()
    locked = {name.replace("-", "_") for name in re.findall(r"^([\w-]+)==", lock, re.MULTILINE)}
    assert {"starlette", "uvicorn", "model", "millrace"} <= imported
    assert imported - {"model", "millrace"} - aliases <= locked


def test_the_image_is_pinned_and_runs_as_nobody() -> None:
    assert said("FROM") == ["python:3.13-slim"]
    (user,) = said("USER")
    assert int(user) >= 10_000
    (health,) = said("HEALTHCHECK")
    assert "/ping" in health
    assert any(
        "--require-hashes" in rest and "-r requirements.lock" in rest for rest in said("RUN")
    )
    lock = (ROOT / "model/requirements.lock").read_text()
    pinned = re.findall(r"^[\w-]+==", lock, re.MULTILINE)
    assert len(pinned) >= 5
    assert len(re.findall(r"==[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", lock)) == len(pinned)


def test_the_context_holds_what_is_copied() -> None:
    ignore = (ROOT / "model/Dockerfile.dockerignore").read_text().split()
    kept = [rule.removeprefix("!") for rule in ignore if rule.startswith("!")]
    assert ignore[0] == "*"
    for rest in said("COPY"):
        for source in rest.split()[:-1]:
            assert any(source.startswith(f"{folder}/") for folder in kept), source
