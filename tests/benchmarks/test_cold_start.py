"""Importing a function costs little more than the clients that it needs."""

from __future__ import annotations

import pytest

from benchmarks.cold_start import (
    CLIENTS,
    HEAVY,
    TARGET,
    functions,
    least_ratio,
    of_clients,
    of_function,
    started,
)

# Least processor time needs a few quiet moments, which a busy machine gives now and then.
_TRIES = 25


def test_every_function_is_measured() -> None:
    assert functions() == sorted(CLIENTS)


@pytest.mark.parametrize("name", functions())
def test_a_function_loads_nothing_heavy_at_its_start(name: str) -> None:
    start = started(*of_function(name))
    assert start.heavy == []
    assert start.clients == sorted(CLIENTS[name]), "others are made when they are first needed"


def test_what_is_heavy_would_be_seen() -> None:
    start = started("import botocore.client, google.protobuf, numpy")
    assert sorted(start.heavy) == sorted(HEAVY)
    assert start.clients == []
    assert started(of_clients(["s3"])).clients == ["s3"]


@pytest.mark.parametrize("name", functions())
def test_a_start_costs_little_more_than_its_clients(name: str) -> None:
    _, ratio = least_ratio(name, _TRIES, enough=TARGET)
    assert ratio <= TARGET
