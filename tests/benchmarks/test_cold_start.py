"""Importing a function costs little more than the clients that it needs."""

from __future__ import annotations

import pytest

from benchmarks.cold_start import (
    CLIENTS,
    HEAVY,
    TARGET,
    functions,
    least_ratio,
    of_function,
    started,
)

# Least processor time needs a few quiet moments, which a busy machine gives now and then.
_TRIES = 25


def test_every_function_is_measured() -> None:
    assert functions() == sorted(CLIENTS)


@pytest.mark.parametrize("name", functions())
def test_a_function_loads_nothing_heavy_at_its_start(name: str) -> None:
    _, heavy = started(*of_function(name))
    assert heavy == []


def test_what_is_heavy_would_be_seen() -> None:
    _, heavy = started("import google.protobuf, numpy")
    assert sorted(heavy) == sorted(HEAVY)


@pytest.mark.parametrize("name", functions())
def test_a_start_costs_little_more_than_its_clients(name: str) -> None:
    _, ratio = least_ratio(name, _TRIES, enough=TARGET)
    assert ratio <= TARGET
