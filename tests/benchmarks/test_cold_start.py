"""Importing a function costs little more than the clients that it needs."""

from __future__ import annotations

import pytest

from benchmarks.cold_start import (
    CLIENTS,
    ENVIRONMENT,
    HEAVY,
    ROOT,
    TARGET,
    functions,
    least_ratio,
    of_clients,
    of_function,
    started,
)
from localcloud.stack.template import load_template

# Least processor time needs a few quiet moments, which a busy machine gives now and then.
_TRIES = 25


def test_every_function_is_measured() -> None:
    assert functions() == sorted(CLIENTS)


def test_it_is_measured_in_the_environment_that_it_is_deployed_with() -> None:
    template = load_template(ROOT / "template.yaml")
    deployed = [template["Globals"]["Function"]]
    deployed += [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    names = {name for one in deployed for name in one["Environment"]["Variables"]}
    assert names <= ENVIRONMENT.keys()


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
