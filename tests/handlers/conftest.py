"""The handlers, started once for all of their tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from millrace.features.definitions import load
from millrace.features.plan import Plan, plans_of

from tests.handlers import running_handlers
from tests.handlers.running_handlers import ROOT, Handlers
from tests.localcloud.running import running

# The machine may be shared: an example's wall time says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


@pytest.fixture(scope="package")
def all_handlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handlers]:
    folder = tmp_path_factory.mktemp("handlers")
    with running(lambda: running_handlers.handlers(folder)) as started:
        yield started.value
    assert "Traceback" not in (folder / "moto.log").read_text(), "moto failed"


@pytest.fixture
def handlers(all_handlers: Handlers) -> Iterator[Handlers]:
    """The handlers, with services that are well."""
    all_handlers.services.heal()
    yield all_handlers
    all_handlers.services.heal()


@pytest.fixture(scope="session")
def plan() -> Plan:
    """The plan of the features.toml that is deployed."""
    return plans_of(load(ROOT / "features.toml"))[0]
