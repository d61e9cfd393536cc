"""Commands against a cloud in memory."""

from __future__ import annotations

import pytest

from tests.cli.fakes import Commands, FakeCloud
from tests.features.streaming import Bench


@pytest.fixture
def bench() -> Bench:
    """An enricher with its fakes."""
    return Bench()


@pytest.fixture
def cloud(bench: Bench) -> FakeCloud:
    """The cloud that commands see."""
    return FakeCloud(bench)


@pytest.fixture
def millrace(cloud: FakeCloud) -> Commands:
    """The command."""
    return Commands(cloud)
