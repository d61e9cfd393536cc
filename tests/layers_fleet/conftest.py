"""An emulated cloud, and the account that manages it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from millrace.lambda_layers.aws import LambdaAccount

from localcloud.lambda_control.running import LambdaCloud, lambda_cloud
from tests.layers_fleet.typing_commands import Commands


@pytest.fixture
def cloud() -> Iterator[LambdaCloud]:
    with lambda_cloud() as up:
        yield up


@pytest.fixture
def account(cloud: LambdaCloud) -> LambdaAccount:
    return LambdaAccount(cloud.session(), cloud.url)


@pytest.fixture
def millrace(cloud: LambdaCloud) -> Commands:
    """The command, against the emulated cloud."""
    return Commands(cloud)
