"""The function's folder as `fn build` makes it: staged, imported and answering under fdk.

The folder is built in a copy of what git has, and runs with nothing but its own requirements.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml
from millrace.anomaly.sqlite import SqliteDatabase

from tests.architecture.source import tracked
from tests.oci.making import Kept, event, history, payload, record
from tests.oci.stores import ROOT

FUNCTION = Path("oci-fn/extract-features")
EVENTS = sorted((ROOT / FUNCTION / "events").glob("*.json"))
# What `fn` writes back of a func.yaml, in its order; it drops every other field and all comments.
FIELDS = [
    "schema_version", "name", "version", "runtime", "build_image", "run_image", "cmd",
    "entrypoint", "content_type", "type", "memory", "timeout", "idle_timeout", "config",
    "annotations", "build", "expects", "triggers",
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of the checkout in which the build steps were run, twice."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in tracked():
        place = path.relative_to(ROOT)
        if place.parts[0] in ("oci-fn", "layers", ".gitignore"):
            (copy / place.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy / place)
    (copy / "layers/core/millrace/__pycache__").mkdir(exist_ok=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *command], cwd=copy, check=True)
    spec = yaml.safe_load((copy / FUNCTION / "func.yaml").read_text(encoding="utf-8"))
    for _ in range(2):
        for step in spec["build"]:
            subprocess.run(["/bin/sh", "-c", step], cwd=copy / FUNCTION, check=True)
    return copy


def test_building_leaves_the_tree_clean(built: Path) -> None:
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=built, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert not [*(built / FUNCTION).rglob("__pycache__")]


def test_nothing_staged_is_taken_for_a_function(built: Path) -> None:
    assert [path.parent.name for path in (built / "oci-fn").rglob("func.y*ml")] == [FUNCTION.name]


def test_no_field_of_func_yaml_is_lost_when_fn_writes_it_back() -> None:
    text = (ROOT / FUNCTION / "func.yaml").read_text(encoding="utf-8")
    spec = yaml.safe_load(text)
    assert list(spec) == [name for name in FIELDS if name in spec]
    assert "#" not in text
    # As fn's writer has it: fields in order, lists not indented.
    assert yaml.safe_dump(spec, sort_keys=False, width=1000) == text


def test_func_yaml_is_within_the_limits_of_oci() -> None:
    spec = yaml.safe_load((ROOT / FUNCTION / "func.yaml").read_text(encoding="utf-8"))
    assert spec["name"] == FUNCTION.name
    assert spec["memory"] in (128, 256, 512, 1024, 2048, 3072)
    assert 1 <= spec["timeout"] <= 300
    assert spec["run_image"] == "fnproject/python:3.11"
    assert spec["build_image"] == f"{spec['run_image']}-dev"
    assert "triggers" not in spec


class Fdk:
    """The function under fdk, on a socket, as the platform starts it."""

    def __init__(self, folder: Path, database: Path, **environ: str) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="fn-", dir="/tmp"))
        self.socket = self.place / "fn.sock"
        command = [str(ROOT / ".venv-oci/bin/fdk"), str(folder / "func.py"), "handler"]
        self.log = (self.place / "log").open("w")
        set_to = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "FN_FORMAT": "http-stream",
            "FN_LISTENER": f"unix:{self.socket}",
            "FN_APP_NAME": "millrace",
            "FN_FN_NAME": FUNCTION.name,
            "FN_FN_ID": "1",
            "FN_APP_ID": "2",
            "MILLRACE_DATABASE": f"sqlite:///{database}",
        } | environ
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=self.log, stderr=subprocess.STDOUT, env=set_to
        )
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            assert self.process.poll() is None, self.told()
            assert time.monotonic() < deadline, "fdk did not come up"
            time.sleep(0.05)

    def call(self, body: bytes) -> tuple[int, str]:
        """The function's status and answer. Raises OSError, HTTPException where it dies of it.

        The socket is closed however it ends; httpx leaves one open that nobody listens to.
        """
        headers = {"Fn-Call-Id": "call-1", "Fn-Deadline": "2099-01-01T00:00:00Z"}
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(60)
            wire.connect(str(self.socket))
            connection = HTTPConnection("fn")
            connection.sock = wire
            connection.request("POST", "/call", body, headers)
            with connection.getresponse() as answer:
                return answer.status, answer.read().decode()

    def told(self) -> str:
        """What it wrote to its log."""
        return (self.place / "log").read_text(encoding="utf-8")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.place)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("database") / "millrace.db"


@pytest.fixture(scope="module")
def function(built: Path, database: Path) -> Iterator[Fdk]:
    started = Fdk(built / FUNCTION, database)
    yield started
    started.stop()


ANSWERS: dict[str, dict[str, Any]] = {
    "bare": {"events": 1, "stored": 1},
    "batch": {"events": 4, "stored": 4},
    "poison": {"events": 5, "stored": 1, "quarantined": 4},
    "series": {"events": 3, "stored": 3, "series": 2},
}


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_sample_is_accepted(function: Fdk, path: Path) -> None:
    status, text = function.call(path.read_bytes())
    assert status == 200, text
    answer = json.loads(text)
    assert {name: answer[name] for name in ANSWERS[path.stem]} == ANSWERS[path.stem]


def test_what_it_stores_is_there(function: Fdk, database: Path) -> None:
    body = payload([record(event(i, i, "fdk"), i, "fdk", "9") for i in range(5)])
    for stored in (5, 0):
        status, text = function.call(body)
        assert (status, json.loads(text)["stored"]) == (200, stored)
    rows = SqliteDatabase(database).connection.execute(
        "SELECT COUNT(*) FROM raw_events WHERE series = 'fdk'"
    )
    assert rows.fetchone() == (5,)


def test_no_body_is_quarantined(function: Fdk) -> None:
    status, text = function.call(b"")
    assert (status, json.loads(text)["reasons"]) == (200, {"not-json": 1})


def test_a_failure_is_an_error_that_tells_an_id_only(built: Path, tmp_path: Path) -> None:
    broken = Fdk(built / FUNCTION, tmp_path / "no/such/hunter2.db")
    try:
        status, text = broken.call(payload([record(event(0, 1), 0)]))
        told = broken.told()
    finally:
        broken.stop()
    assert status == 502
    assert "hunter2" not in text
    assert text.strip('"').split()[-1] in told
    assert "ConfigurationError" in told


def test_it_fails_well_without_a_database_to_reach(built: Path, tmp_path: Path) -> None:
    """Oracle's edge under fdk: the driver's text, with the address, stays inside."""
    environ = {
        "MILLRACE_DATABASE": "oracle://app@127.0.0.1:1/PDB",
        "MILLRACE_DATABASE_PASSWORD": "hunter2",
    }
    broken = Fdk(built / FUNCTION, tmp_path / "unused", **environ)
    try:
        status, text = broken.call(payload([record(event(0, 1), 0)]))
        told = broken.told()
    finally:
        broken.stop()
    assert status == 502
    assert "Unavailable: The database does not do it for now: DPY-" in told
    for secret in ("hunter2", "127.0.0.1"):
        assert secret not in text
        assert secret not in told


def test_a_function_that_is_killed_leaves_all_or_nothing(built: Path, tmp_path: Path) -> None:
    """SIGKILL before and in the middle of batches, which come again: the end is that of a clean
    run."""
    wanted, path = Kept(), tmp_path / "millrace.db"
    records = history(3000, spikes=[900, 2000])
    wanted.handle(records)
    database = SqliteDatabase(path)  # the tables are there before the first kill
    for wait_s in (0, 0.02, 0.1, 0.3, None):
        running = Fdk(built / FUNCTION, path)
        try:
            if wait_s is not None:
                # The first call imports the library; the one that is killed is another.
                running.call(b"[]")
                killer = threading.Timer(wait_s, running.process.kill)
                killer.start()
                if not wait_s:
                    running.process.wait(10)
                with contextlib.suppress(OSError, HTTPException):
                    running.call(payload(records))
                killer.join()
            else:
                status, _ = running.call(payload(records))
                assert status == 200
        finally:
            running.stop()
        ((stored,),) = database.connection.execute("SELECT COUNT(*) FROM raw_events")
        assert stored in (0, len(records))
    assert Kept(database).results() == wanted.results()


def test_the_requirements_are_locked_and_few() -> None:
    named = (ROOT / FUNCTION / "requirements.in").read_text(encoding="utf-8").split("\n")
    wanted = {line for line in named if line and not line.startswith("#")}
    lock = (ROOT / FUNCTION / "requirements.txt").read_text(encoding="utf-8")
    assert wanted == {"fdk", "oci", "oracledb", "orjson"}
    assert lock.count("--hash=sha256:") > 100
    assert sys.version_info >= (3, 11)
