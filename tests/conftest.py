"""What all tests share: an environment that does not depend on where they run."""

from __future__ import annotations

import os
import signal

import pytest

# The width of a terminal is nobody's matter here: what is printed goes to no terminal.
os.environ.pop("COLUMNS", None)

# Tests that a script starts in the background ignore Ctrl-C, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What takes long begins first, so that no worker is left alone with it at the end.
_LONG = ("demo", "template", "chaos", "rollout", "e2e", "layers_fleet", "model", "anomaly_page")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders that take longest before the others."""
    items.sort(key=lambda item: item.path.parent.name not in _LONG)
