"""Whatever fails and whoever interferes: nothing that is used, shared, new or young is deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from millrace.errors import MillraceError, StalePlan
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.prune import Deleter, Pruning, prepare
from millrace.lambda_layers.retention import Rules
from millrace.plans.executors import PerformingExecutor
from millrace.plans.journal import MemoryJournal

from localcloud.faults.injector import Injector
from localcloud.faults.loading import parse
from localcloud.lambda_control import layers, seeding
from localcloud.lambda_control.running import LambdaCloud, lambda_cloud
from localcloud.lambda_control.state import World

RULES = Rules(keep=2, grace_days=10)
VERSIONS = 8
NUMBERS = st.sets(st.integers(1, VERSIONS), max_size=3)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LambdaCloud]:
    with lambda_cloud() as up:
        yield up


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def arn(cloud: LambdaCloud, number: int) -> str:
    return cloud.where.arn("layer", f"deps:{number}")


def share(cloud: LambdaCloud, number: int) -> None:
    members = {"LayerName": "deps", "VersionNumber": number, "StatementId": "s"}
    members |= {"Action": "lambda:GetLayerVersion", "Principal": "210987654321"}
    layers.add_permission(cloud.world, cloud.where, members)


def use(cloud: LambdaCloud, number: int, name: str) -> None:
    """Let a function's old version have it, while `$LATEST` has no layer any more."""
    seeding.function(cloud.world, cloud.where, name, [arn(cloud, number)])
    seeding.publish(cloud.world, cloud.where, name)
    seeding.use(cloud.world, cloud.where, name, [])


def left(cloud: LambdaCloud) -> set[int]:
    return set(cloud.world.home(cloud.where).layers["deps"].versions)


@given(
    used=NUMBERS,
    shared=NUMBERS,
    young=st.integers(0, 3),
    then_used=NUMBERS,
    then_shared=NUMBERS,
    seed=st.integers(0, 2**16),
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_must_stay_stays(
    cloud: LambdaCloud,
    used: set[int],
    shared: set[int],
    young: int,
    then_used: set[int],
    then_shared: set[int],
    seed: int,
) -> None:
    cloud.control.world, cloud.control.faults = World(), Injector()
    for number in range(1, VERSIONS + 1):
        age = 1 if number > VERSIONS - young else 50
        seeding.layer(cloud.world, cloud.where, "deps", content=bytes([number]), age_days=age)
    for number in used:
        use(cloud, number, f"used-{number}")
    for number in shared:
        share(cloud, number)
    plan = make(cloud)
    # Between the plan and its execution others go on with their work, and then everything fails.
    for number in then_used:
        use(cloud, number, f"then-{number}")
    for number in then_shared - shared:
        share(cloud, number)
    cloud.control.faults.use(parse({"seed": seed, "rule": faults()}))
    carried_out = carry_out(cloud, plan)
    kept = used | shared | {VERSIONS - 1, VERSIONS} | set(range(VERSIONS - young + 1, VERSIONS + 1))
    planned = set(range(1, VERSIONS + 1)) - kept
    interfering = (then_used | then_shared) & planned
    assert carried_out == (not interfering)
    assert left(cloud) == (kept if carried_out else kept | planned)


def faults() -> list[dict[str, object]]:
    some = {"service": "lambda", "probability": 0.15}
    return [
        {**some, "operation": "*", "error": "TooManyRequestsException"},
        {**some, "operation": "DeleteLayerVersion", "drop": True, "when": "after"},
        {**some, "operation": "DeleteLayerVersion", "drop": True},
    ]


def make(cloud: LambdaCloud) -> Pruning:
    return prepare(LambdaAccount(cloud.session(), cloud.url), [cloud.region], RULES, now_ms())


def carry_out(cloud: LambdaCloud, pruning: Pruning) -> bool:
    """Run the plan, again and again with the same journal; False where it no longer fits."""
    journal = MemoryJournal()
    for _ in range(200):
        account = LambdaAccount(cloud.session(), cloud.url, tries=1)
        try:
            PerformingExecutor(Deleter(account, now_ms), journal, now_ms).run(pruning.plan)
        except StalePlan:
            return False
        except MillraceError:
            continue
        return True
    raise AssertionError("it never came to its end")
