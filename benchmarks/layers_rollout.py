"""A rollout to a thousand functions: how long its plan takes, and how many requests both need.

Against the emulated control plane on loopback. The bakes are left out, and everybody is healthy:
what is counted are requests, which AWS limits to 15 a second.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from millrace.lambda_layers import survey
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.codedeploy import MAKERS as CODEDEPLOY
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.lambda_layers.gate import Health, Rules
from millrace.lambda_layers.rolling import Rolling
from millrace.lambda_layers.rollout import Wanted
from millrace.lambda_layers.rollout_aws import AwsFleet
from millrace.plans.journal import MemoryJournal
from millrace.plans.plan import Plan, Step

from benchmarks.figures import Figure, at_most
from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud, lambda_cloud

FUNCTIONS = 1000
# Of ten functions, how many are called by an alias.
ALIASED = 3
PLAN_S = 30.0
_PARALLEL = 8


class _Healthy:
    """Evidence of a fleet in which nothing ever happens; and a button that nobody presses."""

    def health(
        self, functions: Sequence[Step], start_ms: int, end_ms: int, *, inits: bool
    ) -> Mapping[str, Health]:
        fine = Health(1000, 0, (300.0,) * 20)
        return {step.target: fine for step in functions}

    def pressed(self) -> str:
        return ""


def measure_rollout(functions: int = FUNCTIONS) -> list[Figure]:
    """The figures of one plan and one rollout."""
    with lambda_cloud() as cloud:
        _seed(cloud, functions)
        account = LambdaAccount(cloud.session(), cloud.url, makers=CODEDEPLOY)
        begun = time.perf_counter()
        plan = _plan(account, cloud.region)
        planned_s, planned = time.perf_counter() - begun, sum(account.calls.values())
        done = _roll(account, plan)
        requests = sum(account.calls.values()) - planned
    size = f"{len(plan.steps):,} functions, {ALIASED * 10} % with an alias"
    return [
        at_most(f"plan of a rollout to {size}", planned_s, "s", PLAN_S),
        at_most("requests per function: plan", planned / functions, ""),
        at_most("requests per function: rollout", requests / functions, ""),
        at_most("functions that did not get it", functions - done, "", 0),
    ]


def _seed(cloud: LambdaCloud, functions: int) -> None:
    old, _ = (seeding.layer(cloud.world, cloud.where, "deps", content=c) for c in (b"1", b"2"))
    for number in range(functions):
        name = f"function-{number:05d}"
        seeding.function(cloud.world, cloud.where, name, [old])
        if number % 10 < ALIASED:
            seeding.publish(cloud.world, cloud.where, name, "live")


def _plan(account: LambdaAccount, region: str) -> Plan:
    targets = survey.targets(account, survey.named("deps"), [region])
    rules = Rules(bake_s=0, patience_s=0)
    wanted = Wanted(targets, rules=rules, parallel=_PARALLEL)
    return survey.prepare(account, wanted, _now_ms())


def _roll(account: LambdaAccount, plan: Plan) -> int:
    """How many functions have the version when it is through."""
    watch = _Healthy()
    fleet = AwsFleet(account, plan.hash[:12], time.sleep, CodeDeploy(account, time.sleep))
    rolling = Rolling(fleet, watch, watch, MemoryJournal(), _now_ms, time.sleep)
    return len(rolling.run(plan).changed)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
