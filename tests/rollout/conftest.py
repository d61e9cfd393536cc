"""An emulated cloud with a fleet, the account that manages it, and a clock that sleeping moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.lambda_control.running import LambdaCloud, lambda_cloud
from tests.rollout.fleets import small
from tests.rollout.test_evidence import MINUTE_MS, count
from tests.rollout.typing_commands import Commands


@pytest.fixture
def cloud() -> Iterator[LambdaCloud]:
    with lambda_cloud() as up:
        yield up


@pytest.fixture
def millrace(cloud: LambdaCloud, tmp_path: Path) -> Commands:
    """The command, against the emulated cloud."""
    return Commands(cloud, {"MILLRACE_PLANS": str(tmp_path / "plans")})


@pytest.fixture
def fleet(cloud: LambdaCloud, millrace: Commands) -> LambdaCloud:
    """A small fleet that was called all day, and is called on while a rollout bakes."""
    small(cloud)
    millrace.now_ms = millrace.now_ms // MINUTE_MS * MINUTE_MS
    for name in "abcd":
        count(cloud, name, "Invocations", millrace.now_ms - 60 * MINUTE_MS, 500)

    def called(now_ms: int) -> None:
        for name in "abcd":
            count(cloud, name, "Invocations", now_ms - MINUTE_MS, 100)

    millrace.sleeping = called
    return cloud
