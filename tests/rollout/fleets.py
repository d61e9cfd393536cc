"""Fleets in the emulated cloud, how they look, and evidence that is made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from millrace.lambda_layers import survey
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.lambda_layers.gate import Health, Rules
from millrace.lambda_layers.rolling import Rolling
from millrace.lambda_layers.rollout import Wanted
from millrace.lambda_layers.rollout_aws import AwsFleet
from millrace.lambda_layers.standing import Standing, document
from millrace.plans.journal import Journal, MemoryJournal
from millrace.plans.plan import Plan, Step

from cli.rollout_desk import MAKERS
from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud

HEALTHY = Health(1000, 1, (300.0,) * 20)
RULES = Rules(bake_s=60, patience_s=60, poll_s=30)
NOW_MS = 1_772_366_400_000


def layers(cloud: LambdaCloud, *names: str, versions: int = 3) -> None:
    """Versions of layers, from 1."""
    for name in names:
        for number in range(1, versions + 1):
            seeding.layer(cloud.world, cloud.where, name, content=f"{name}{number}".encode())


def arn(cloud: LambdaCloud, text: str, region: str = "") -> str:
    """The ARN of "deps:3"."""
    return f"arn:aws:lambda:{region or cloud.region}:{cloud.account}:layer:{text}"


def function(
    cloud: LambdaCloud, name: str, *texts: str, alias: str = "", runtime: str = "python3.13"
) -> str:
    """A function with these layers, and an alias to a version of it; its ARN."""
    arns = [arn(cloud, text) for text in texts]
    made = seeding.function(cloud.world, cloud.where, name, arns, runtime=runtime)
    if alias:
        seeding.publish(cloud.world, cloud.where, name, alias)
    return made


def small(cloud: LambdaCloud) -> list[str]:
    """Four functions with other layers around `deps:1`, two of them with an alias."""
    layers(cloud, "deps", "other", "more")
    function(cloud, "a", "other:1", "deps:1", "more:2", alias="live")
    function(cloud, "b", "deps:1", alias="live")
    function(cloud, "c", "deps:1", "other:3")
    function(cloud, "d", "deps:2")
    return list("abcd")


def shape(cloud: LambdaCloud, name: str) -> dict[str, Any]:
    """What a function is, without what differs between two runs of the same."""
    function = cloud.world.home(cloud.where).functions[name]
    return {
        "layers": layers_of(function.latest),
        "versions": {n: layers_of(one) for n, one in function.versions.items()},
        "aliases": {n: one["FunctionVersion"] for n, one in function.aliases.items()},
        "routing": {n: one.get("RoutingConfig") for n, one in function.aliases.items()},
        "batch": function.tags.get("LayerRolloutBatch"),
        "version": function.tags.get("LayerVersion"),
    }


def layers_of(configuration: Mapping[str, Any]) -> list[str]:
    """The layers of a configuration, in short."""
    return [one["Arn"].partition(":layer:")[2] for one in configuration.get("Layers", ())]


def fleet_of(cloud: LambdaCloud) -> dict[str, dict[str, Any]]:
    """All functions."""
    return {name: shape(cloud, name) for name in cloud.world.home(cloud.where).functions}


class MadeUp:
    """Evidence that says of every function what it is told; `asked` are the questions."""

    def __init__(
        self, after: Callable[[str], Health] = lambda name: HEALTHY, before: Health = HEALTHY
    ) -> None:
        self._after, self._before = after, before
        self.asked: list[tuple[tuple[str, ...], int, int, bool]] = []

    def health(
        self, functions: Sequence[Step], start_ms: int, end_ms: int, *, inits: bool
    ) -> Mapping[str, Health]:
        names = {step.target: step.arguments["function"] for step in functions}
        self.asked.append((tuple(names.values()), start_ms, end_ms, inits))
        # What is long is the time before; a wave bakes for minutes.
        if end_ms - start_ms >= 3_600_000:
            return dict.fromkeys(names, self._before)
        return {arn: self._after(name) for arn, name in names.items()}


class Button:
    """A stop button that says what it is told."""

    says = ""

    def pressed(self) -> str:
        return self.says


@dataclass
class Clock:
    """A time of day that only sleeping moves."""

    now: int = NOW_MS
    slept: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1000)


@dataclass
class Bench:
    """A rollout in an emulated cloud, its pieces at hand."""

    cloud: LambdaCloud
    given: LambdaAccount | None = None
    account: LambdaAccount = field(init=False)
    evidence: MadeUp = field(default_factory=MadeUp)
    button: Button = field(default_factory=Button)
    clock: Clock = field(default_factory=Clock)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        made = LambdaAccount(self.cloud.session(), self.cloud.url, makers=MAKERS)
        self.account = self.given or made

    def plan(self, layer: str = "deps:3", **wanted: Any) -> Plan:
        """A plan over all functions, changed one at a time."""
        regions = wanted.pop("regions", (self.cloud.region,))
        replaces = wanted.pop("replaces", "")
        found = survey.targets(self.account, survey.named(layer), regions, replaces)
        asked: dict[str, Any] = {"shares": "1,50%,100%", "parallel": 1, "rules": RULES} | wanted
        return survey.prepare(self.account, Wanted(targets=found, **asked), self.clock.now)

    def rolling(self, journal: Journal | None = None, *, accept: str = "") -> Rolling:
        """What carries it out."""
        deploy = CodeDeploy(self.account, self.clock.sleep)
        return Rolling(
            AwsFleet(self.account, "0123456789ab", self.clock.sleep, deploy),
            self.evidence,
            self.button,
            journal if journal is not None else MemoryJournal(),
            self.clock.now_ms,
            self.clock.sleep,
            accept=accept,
            tell=self.told.append,
        )


def names_of(plan: Plan) -> list[list[str]]:
    """The functions of each wave."""
    waves: dict[int, list[str]] = {}
    for step in plan.steps:
        waves.setdefault(step.arguments["wave"], []).append(step.arguments["function"])
    return list(waves.values())


def held(found: Standing) -> dict[str, str]:
    """Functions that are held, with the code."""
    return {one["function"]: one["code"] for one in document(found)["held"]}
