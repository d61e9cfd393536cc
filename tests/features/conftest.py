"""Plans and services for the tests of the feature engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from millrace.features.definitions import load
from millrace.features.plan import Plan, plans_of

from tests.features import services as offered
from tests.features.services import Services
from tests.localcloud.running import running

# The machine may be shared: an example's wall time says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

SHIPPED = Path(__file__).parents[2] / "features.toml"


@pytest.fixture(scope="session")
def shipped() -> Plan:
    """The plan of the features.toml that is shipped."""
    return plans_of(load(SHIPPED))[0]


@pytest.fixture(scope="package")
def all_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services, started once."""
    log = tmp_path_factory.mktemp("services") / "moto.log"
    with running(lambda: offered.services(log)) as services:
        yield services.value
    assert "Traceback" not in log.read_text(), "moto failed"


@pytest.fixture
def services(all_services: Services) -> Iterator[Services]:
    """The services, without faults."""
    all_services.heal()
    yield all_services
    all_services.heal()
