"""The examples in docstrings are true, wherever they stand."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

from tests.architecture.source import PACKAGES, Module, modules

WITH_EXAMPLES = [
    module
    for package in PACKAGES
    for module in modules(package).values()
    if ">>> " in module.path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.name)
def test_the_examples_of_a_module_are_true(module: Module) -> None:
    result = doctest.testmod(import_module(module.name))
    assert result.attempted > 0, "its examples stand where nobody finds them"
    assert result.failed == 0


def test_public_pure_functions_have_examples() -> None:
    names = {module.name for module in WITH_EXAMPLES}
    assert {"millrace.kinesis", "millrace.paths", "millrace.features.windows"} <= names
