"""A checkout whose code does not matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.stack.template import load_template
from tests.template.reading import TEMPLATE


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders that the template names, empty: what is in them is not under test here."""
    root = tmp_path_factory.mktemp("checkout")
    for resource in load_template(TEMPLATE)["Resources"].values():
        properties = resource.get("Properties", {})
        folder = properties.get("CodeUri") or properties.get("ContentUri")
        if folder:
            (root / folder).mkdir(parents=True)
    return root
