"""An emulated cloud with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.lambda_control.running import LambdaCloud, lambda_cloud


@pytest.fixture
def cloud() -> Iterator[LambdaCloud]:
    with lambda_cloud() as up:
        yield up
