"""The services that the edges talk to."""

from __future__ import annotations

from tests.features.conftest import all_services, services

__all__ = ["all_services", "services"]
