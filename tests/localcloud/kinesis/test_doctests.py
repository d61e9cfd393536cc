"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from localcloud.kinesis import producing, scaling, sequence


@pytest.mark.parametrize("module", [producing, scaling, sequence])
def test_examples(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
