"""An emulated cloud with a fleet, the account that manages it, and a clock that sleeping moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.lambda_control.running import LambdaCloud, lambda_cloud
from tests.rollout.typing_commands import Commands


@pytest.fixture
def cloud() -> Iterator[LambdaCloud]:
    with lambda_cloud() as up:
        yield up


@pytest.fixture
def millrace(cloud: LambdaCloud, tmp_path: Path) -> Commands:
    """The command, against the emulated cloud."""
    return Commands(cloud, {"MILLRACE_PLANS": str(tmp_path / "plans")})
