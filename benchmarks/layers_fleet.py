"""A fleet of functions: how long a plan to clean up takes, and how many requests.

Against the emulated control plane on loopback, which answers pages of 50 as Lambda does. AWS lets
an account make 15 such requests a second, so requests are what a plan costs there; the seconds here
are this machine's, both sides of the wire.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.prune import prepare
from millrace.lambda_layers.retention import Rules

from benchmarks.figures import Figure, at_most
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud, lambda_cloud
from localcloud.lambda_control.seeding import Fleet, fleet

# A thousand functions with two published versions each, spread over two regions.
FLEET = Fleet(functions=500, layers=20, versions=12, published=2)
REGIONS = ("eu-west-1", "us-east-1")
PLAN_S = 30.0
# What AWS grants an account for all control-plane calls of Lambda together.
REQUESTS_A_SECOND = 15


class Planned(NamedTuple):
    """What one plan took."""

    seconds: float
    functions: int
    versions: int
    deletions: int
    requests: int


def planned(cloud: LambdaCloud, regions: Sequence[str] = REGIONS) -> Planned:
    """Make a plan of all layers in these regions, with clients that are new."""
    account = LambdaAccount(cloud.session(), cloud.url)
    begun = time.perf_counter()
    found = prepare(account, regions, Rules(), time.time_ns() // 1_000_000)
    seconds = time.perf_counter() - begun
    functions = len(list(found.inventory.latest))
    versions = len(found.inventory.functions)
    requests = sum(account.calls.values())
    return Planned(seconds, functions, versions, len(found.plan.steps), requests)


def measure_fleet(wanted: Fleet = FLEET) -> list[Figure]:
    """The plan's figures: least time of three runs, requests of one."""
    with lambda_cloud() as cloud:
        for region in REGIONS:
            fleet(cloud.world, Where(cloud.account, region), wanted)
        runs = [planned(cloud) for _ in range(3)]
    first, least = runs[0], min(run.seconds for run in runs)
    size = f"{first.functions:,} functions, {first.versions:,} versions of them"
    # One that looks at every function by itself, as the tutorial's usage report does.
    each = first.functions + -(-first.functions // 50)
    return [
        at_most(f"plan for {size}", least, "s", PLAN_S),
        at_most("requests per function", first.requests / first.functions, "", None,
                ("a request for each function, versions not looked at", each / first.functions)),
        at_most("requests", first.requests, ""),
        at_most("at AWS's 15 requests a second", first.requests / REQUESTS_A_SECOND, "s", PLAN_S),
        at_most("layer versions that the plan deletes", first.deletions, ""),
    ]  # fmt: skip
