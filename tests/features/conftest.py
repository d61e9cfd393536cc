"""Plans for the tests of the feature engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from millrace.features.definitions import load
from millrace.features.plan import Plan, plans_of

# The machine may be shared: an example's wall time says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

SHIPPED = Path(__file__).parents[2] / "features.toml"


@pytest.fixture(scope="session")
def shipped() -> Plan:
    """The plan of the features.toml that is shipped."""
    return plans_of(load(SHIPPED))[0]
