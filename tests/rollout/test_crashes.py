"""A process that dies between any two calls, or entries of its journal: the end is the same.

Every boundary is tried: before a call is made, after AWS has done it and before anybody knows, and
around each line of the journal. Then another process takes the rollout up.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.gate import Health
from millrace.lambda_layers.standing import Standing
from millrace.plans.journal import MemoryJournal
from millrace.plans.plan import Plan

from cli.rollout_desk import MAKERS
from localcloud.faults.injector import Injector
from localcloud.faults.loading import parse
from localcloud.lambda_control import DEFAULT_ACCOUNT
from localcloud.lambda_control.beside import Beside
from localcloud.lambda_control.running import REGION, LambdaCloud, lambda_cloud
from localcloud.lambda_control.state import World
from tests.plans.making import Crash, DyingJournal
from tests.rollout.fleets import HEALTHY, Bench, MadeUp, fleet_of, function, layers

BROKEN = Health(1000, 500, (300.0,) * 20)
# PublishVersion is not among them: it answers what there is where nothing has changed.
CHANGES = ("UpdateFunctionConfiguration", "UpdateAlias", "CreateDeployment")
Boundary = tuple[int, str]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LambdaCloud]:
    with lambda_cloud() as up:
        yield up


@cache
def account(url: str) -> Dying:
    """One for all processes: to make its clients takes longer than a rollout."""
    session = boto3.Session(DEFAULT_ACCOUNT, "local", region_name=REGION)
    return Dying(session, url, makers=MAKERS)


def dying(cloud: LambdaCloud, at: Boundary | None) -> Dying:
    """The account in a process that ends there."""
    found = account(cloud.url)
    found.at, found.made = at, 0
    return found


class Dying(LambdaAccount):
    """An account whose process ends before or after its n-th call."""

    at: Boundary | None = None
    made = 0
    changes: ClassVar[Counter[str]] = Counter()  # that AWS has taken, of all processes

    def call(self, action: str, region: str, members: Mapping[str, Any]) -> Any:
        self.made += 1
        if self.at == (self.made, "before"):
            raise Crash
        answer = super().call(action, region, members)
        self.changes[action.partition(":")[2]] += 1
        if self.at == (self.made, "after"):
            raise Crash
        return answer


@dataclass(frozen=True, slots=True)
class End:
    """How a rollout ended: the fleet, the state, and how often each thing was changed."""

    fleet: dict[str, Any]
    state: str
    changed: int
    changes: dict[str, int]


def fresh(cloud: LambdaCloud, *, broken: bool) -> tuple[Bench, Plan]:
    """A small fleet with an alias, an alias that CodeDeploy deploys to, and neither."""
    control = cloud.control
    control.world, control.beside, control.faults = World(), Beside(), Injector()
    layers(cloud, "deps", "other")
    function(cloud, "a", "other:1", "deps:1", alias="live")
    function(cloud, "b", "deps:1", "other:2", alias="live")
    function(cloud, "c", "deps:1")
    control.beside.group(cloud.where, "app", "b-group", "b", "live")
    bench = Bench(cloud, dying(cloud, None))
    plan = bench.plan()
    Dying.changes.clear()
    last = plan.steps[-1].arguments["function"]
    bench.evidence = MadeUp(lambda name: BROKEN if broken and name == last else HEALTHY)
    return bench, plan


def end(bench: Bench, found: Standing) -> End:
    changes = {name: Dying.changes[name] for name in CHANGES}
    return End(fleet_of(bench.cloud), found.state, len(found.changed), changes)


def run(cloud: LambdaCloud, at: Boundary | None, *, broken: bool) -> tuple[End, int]:
    """How it ends when its first process dies there; and the calls that the process made."""
    bench, plan = fresh(cloud, broken=broken)
    journal = MemoryJournal()
    process = bench.account = dying(bench.cloud, at)
    with contextlib.suppress(Crash):
        bench.rolling(journal).run(plan)
    first = process.made
    bench.account = dying(bench.cloud, None)
    found = bench.rolling(MemoryJournal(journal.entries())).run(plan)
    return end(bench, found), first


@pytest.fixture(scope="module", params=[False, True], ids=["forth", "forth and back"])
def whole(request: pytest.FixtureRequest, cloud: LambdaCloud) -> tuple[End, int, bool]:
    """The end of a rollout that nothing interrupts."""
    found, calls = run(cloud, None, broken=request.param)
    return found, calls, request.param


def test_uninterrupted(whole: tuple[End, int, bool]) -> None:
    found, _, broken = whole
    assert found.state == ("rolled-back" if broken else "done")
    assert found.changed == 3
    aliases = {name: one["aliases"].get("live") for name, one in found.fleet.items()}
    assert aliases == {"a": "1" if broken else "2", "b": "1" if broken else "2", "c": None}
    assert found.changes["CreateDeployment"] == 1
    assert found.changes["UpdateFunctionConfiguration"] == (6 if broken else 3)


def test_every_boundary_of_every_call(cloud: LambdaCloud, whole: tuple[End, int, bool]) -> None:
    expected, calls, broken = whole
    assert calls > 20
    for number in range(1, calls + 1):
        for when in ("before", "after"):
            found, _ = run(cloud, (number, when), broken=broken)
            # The same end, and no function was changed twice.
            assert found == expected, (number, when)


def test_every_boundary_of_the_journal(cloud: LambdaCloud, whole: tuple[End, int, bool]) -> None:
    expected, _, broken = whole
    for number in range(1, 40):
        for when in ("before", "after"):
            bench, plan = fresh(cloud, broken=broken)
            journal = DyingJournal(number, when)
            with contextlib.suppress(Crash):
                bench.rolling(journal).run(plan)
            if len(journal.entries()) < number - 1:
                return  # it never came so far
            found = bench.rolling(MemoryJournal(journal.entries())).run(plan)
            assert end(bench, found) == expected, (number, when)


def test_a_process_that_dies_again_and_again_comes_to_the_same_end(
    cloud: LambdaCloud,
    whole: tuple[End, int, bool],
) -> None:
    expected, _, broken = whole
    bench, plan = fresh(cloud, broken=broken)
    journal = MemoryJournal()
    for _ in range(200):
        bench.account = dying(bench.cloud, (12, "after"))
        with contextlib.suppress(Crash):
            found = bench.rolling(journal).run(plan)
            break
        journal = MemoryJournal(journal.entries())
    assert end(bench, found) == expected


def test_a_rollback_by_hand_can_die_too(cloud: LambdaCloud) -> None:
    def undone(at: Boundary | None) -> tuple[dict[str, Any], int]:
        bench, plan = fresh(cloud, broken=False)
        journal = MemoryJournal()
        bench.rolling(journal).run(plan)
        process = bench.account = dying(bench.cloud, at)
        with contextlib.suppress(Crash):
            bench.rolling(journal).roll_back(plan, "asked for")
        made = process.made
        bench.account = dying(bench.cloud, None)
        found = bench.rolling(journal).roll_back(plan, "asked for")
        assert (found.state, found.left) == ("rolled-back", {})
        return fleet_of(bench.cloud), made

    expected, calls = undone(None)
    for number in range(1, calls + 1):
        for when in ("before", "after"):
            assert undone((number, when))[0] == expected, (number, when)


def died(
    cloud: LambdaCloud, prepare: Callable[[Bench], object] = lambda bench: None
) -> Iterator[tuple[Bench, Plan, MemoryJournal, dict[str, Any]]]:
    """A rollout that has died at each boundary in turn, and what there was before it."""
    for number in itertools.count(1):
        for when in ("before", "after"):
            bench, plan = fresh(cloud, broken=False)
            prepare(bench)
            before, journal = released(cloud), MemoryJournal()
            process = bench.account = dying(cloud, (number, when))
            with contextlib.suppress(Crash):
                bench.rolling(journal).run(plan)
            if process.made < number:
                return  # it came to its end
            bench.account = dying(cloud, None)
            yield bench, plan, MemoryJournal(journal.entries()), before


def released(cloud: LambdaCloud) -> dict[str, Any]:
    """What of each function is to be as it was."""
    return {name: (one["layers"], one["aliases"]) for name, one in fleet_of(cloud).items()}


def test_an_alarm_finds_nothing_half_done_after_a_crash(cloud: LambdaCloud) -> None:
    def alarm(bench: Bench) -> None:
        cloud.control.beside.failing.add("b-group")

    for bench, plan, journal, before in died(cloud, alarm):
        found = bench.rolling(journal).run(plan)
        assert (found.state, found.left) == ("rolled-back", {})
        assert released(cloud) == before


def test_somebody_elses_change_after_a_crash_leaves_nothing_of_ours_in_traffic(
    cloud: LambdaCloud,
) -> None:
    for bench, plan, journal, before in died(cloud):
        for name in ("a", "b"):
            cloud.client().update_function_configuration(FunctionName=name, MemorySize=512)
        found = bench.rolling(journal).run(plan)
        assert found.outcome == "done"
        for one in found.held:
            name = found.steps[one].arguments["function"]
            assert released(cloud)[name][1] == before[name][1]


def under_faults(
    cloud: LambdaCloud,
    seed: int,
    rules: list[dict[str, Any]],
    check: Callable[[Bench, Standing], None],
) -> None:
    bench, plan = fresh(cloud, broken=False)
    bench.cloud.control.faults.use(parse({"seed": seed, "rule": rules}))
    journal = MemoryJournal()
    for _ in range(20):
        found = bench.rolling(journal).run(plan)
        if found.outcome:
            break
    bench.cloud.control.faults.use(parse({"rule": []}))
    check(bench, found)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_throttling_and_lost_answers_change_nothing_of_the_end(
    cloud: LambdaCloud, seed: int
) -> None:
    rules: list[dict[str, Any]] = [
        {"service": "lambda", "probability": 0.1, "error": "TooManyRequestsException"},
        {"service": "lambda", "operation": "Update*", "probability": 0.2, "drop": True,
         "when": "after"},
        {"service": "lambda", "operation": "PublishVersion", "probability": 0.2, "drop": True,
         "when": "after"},
        {"service": "lambda", "operation": "Get*", "probability": 0.1, "drop": True},
    ]  # fmt: skip

    def check(bench: Bench, found: Standing) -> None:
        assert found.whole, (found.held, found.halted)
        assert {name: one["layers"] for name, one in fleet_of(bench.cloud).items()} == {
            "a": ["other:1", "deps:3"], "b": ["deps:3", "other:2"], "c": ["deps:3"],
        }  # fmt: skip
        assert fleet_of(bench.cloud)["a"]["versions"].keys() == {1, 2}

    under_faults(cloud, seed, rules, check)
