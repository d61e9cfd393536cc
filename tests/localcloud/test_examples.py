"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from localcloud.faults import draws, poison, records
from localcloud.feature_store import event_time
from localcloud.moto_server import capacity, limits


@pytest.mark.parametrize(
    "module", [capacity, draws, event_time, limits, poison, records], ids=lambda each: each.__name__
)
def test_examples(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
