"""What functions in containers need: a build for this machine, and a local cloud within reach."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from localcloud.cloud import Options, running
from localcloud.containers.__main__ import config_env
from localcloud.containers.bridge import reachable
from tests.localcloud.running import running as in_thread
from tests.template.commands import run
from tests.template.reading import ROOT

# Everything that docker-env.json names.
PARAMETERS = {"ApiAuth": "NONE", "InferenceLog": "on", "Ingest": "on", "LayerPruning": "plan"}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built template, for this machine's processor."""
    folder = tmp_path_factory.mktemp("build")
    built = run("sam", "build", "--config-env", config_env(), "--build-dir", str(folder))
    assert built.returncode == 0, built.stderr
    return folder / "template.yaml"


@contextlib.asynccontextmanager
async def _within_reach(folder: Path) -> AsyncIterator[str]:
    async with (
        running(Options(ROOT, folder, parameters=PARAMETERS)) as cloud,
        reachable(cloud.url) as where,
    ):
        yield where


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where containers reach the local cloud."""
    folder = tmp_path_factory.mktemp("cloud")
    with in_thread(lambda: _within_reach(folder)) as where:
        yield where.value
