"""The page as it is served: by the command, over a database that is written to meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.anomaly_page.making import Plant

Serve = Callable[..., str]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows: making its tables takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "anomalies.db"
    made = Plant(path)
    made.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.connection.close()
    return path


@pytest.fixture
def plant(empty: Path, tmp_path: Path) -> Iterator[Plant]:
    plant = Plant(Path(shutil.copy(empty, tmp_path)))
    yield plant
    plant.connection.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start the command, with arguments and variables; the URL that it prints."""
    running = []

    def start(*arguments: str, **variables: str) -> str:
        millrace = Path(sys.executable).with_name("millrace")
        process = subprocess.Popen(
            [str(millrace), "anomalies", "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        )
        running.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), process.communicate()
        return url

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
        assert (process.returncode, "Traceback" in told) == (0, False), told


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; what it opens is ours and on loopback, so it needs no sandbox."""
    path = shutil.which(os.environ.get("MILLRACE_CHROMIUM", "chromium"))
    assert path, "there is no chromium: scripts/setup --browser installs it, or says how to"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()
