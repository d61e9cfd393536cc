"""A rollout's plan: which functions get a layer version, in which wave, and why others do not.

The layer's version is exchanged in place: all other layers of a function stay as they are, in
their order. What carries a function's traffic decides what else happens:

- an alias that points to a version which differs from `$LATEST` in nothing but layers: a version
  is published and the alias moved to it, by CodeDeploy where a deployment group of it is known;
- a function that has no alias is called as `$LATEST`, which has the layer when it is updated;
- an alias that points to anything else is not moved: that would release what nobody has released.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from millrace.errors import ConfigurationError
from millrace.lambda_layers import waves
from millrace.lambda_layers.exchange import Held, layer_of, short, swap, unlike
from millrace.lambda_layers.gate import Rules
from millrace.lambda_layers.inventory import LATEST, Alias, FunctionVersion, layer_arn
from millrace.plans.plan import Plan, Step

KIND = "layers.rollout"
SWAP = "swap-layer"
# To begin; what has begun goes on, however long it bakes.
GOOD_FOR_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Target:
    """The version that the functions of a region get.

    Attributes:
        replaces: the ARN of the layer that goes; empty: other versions of the same one.
        runtimes: and architectures: those that it is for; empty where it does not say.
    """

    arn: str
    replaces: str = ""
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rollout is asked for.

    Attributes:
        targets: the version of each region.
        add: give the layer to functions that have none of its versions, too.
        names: patterns of functions' names; all, where there is none.
        using: only functions that have one of these versions of the layer.
        aliases: names of those to be moved; all, where there is none.
        first: patterns of functions that are changed before all others.
        stop: an SSM parameter that stops it, where there is one.
    """

    targets: Mapping[str, Target]
    shares: str = waves.DEFAULT
    add: bool = False
    names: tuple[str, ...] = ()
    using: tuple[int, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    parallel: int = 4
    stop: str = ""

    def __post_init__(self) -> None:
        waves.shares(self.shares)
        if self.add and not (self.names or self.tags):
            raise ConfigurationError(
                "--add gives the layer to functions that never had it; say which, by --name or"
                " --tag."
            )
        if not 1 <= self.parallel <= 16:
            raise ConfigurationError(
                f"{self.parallel} functions at a time cannot be changed; 1 to 16 can: Lambda takes"
                " about 15 such requests a second."
            )

    @property
    def document(self) -> dict[str, Any]:
        """What a plan says that it was asked for."""
        return {
            "layer": {region: one.arn for region, one in sorted(self.targets.items())},
            "waves": self.shares,
            "replaces": sorted({one.replaces for one in self.targets.values()} - {""}),
            "add": self.add,
            "names": list(self.names),
            "using": list(self.using),
            "tags": dict(self.tags),
            "aliases": list(self.aliases),
            "first": list(self.first),
            "gate": self.rules.document,
            "parallel": self.parallel,
            "stop": self.stop,
        }


@dataclass(frozen=True, slots=True)
class Candidate:
    """A function as the fleet's inventory has it.

    Attributes:
        versions: its published versions, by their number.
        aliases: those that it has.
        groups: CodeDeploy's "application/group", by the alias that it deploys to.
    """

    latest: FunctionVersion
    versions: Mapping[str, FunctionVersion] = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)


def selected(
    functions: Iterable[FunctionVersion], wanted: Wanted, tagged: frozenset[str] | None
) -> list[FunctionVersion]:
    """The functions that are meant, as `$LATEST`; `tagged` are ARNs, None where nobody asked.

    One that has the version already is meant, too: an alias of it may not have it.
    """
    return [one for one in functions if _meant(one, wanted, tagged)]


def plan(
    candidates: Sequence[Candidate],
    wanted: Wanted,
    account: str,
    now_ms: int,
    missing: Mapping[str, str],
) -> Plan:
    """The plan for these functions; `missing` are layer versions that cannot be given, and why."""
    steps: dict[str, Step] = {}
    skipped: dict[str, list[str]] = {}
    often = Counter(one.latest.name for one in candidates)
    for one in candidates:
        try:
            steps[one.latest.arn] = _step(one, wanted, missing)
        except Held as held:
            where = f"@{one.latest.region}" if often[one.latest.name] > 1 else ""
            skipped.setdefault(str(held), []).append(f"{one.latest.name}{where}")
    return Plan(
        kind=KIND,
        account=account,
        regions=tuple(sorted(wanted.targets)),
        made_ms=now_ms,
        expires_ms=now_ms + GOOD_FOR_MS,
        asked=wanted.document,
        steps=tuple(_in_waves(steps, wanted)),
        notes=(*_notes(skipped), *_unmet(candidates, wanted, len(steps))),
    )


def in_order(names: Iterable[str], wanted: Wanted) -> list[str]:
    """ARNs of functions in the order in which they are changed."""
    salt = ",".join(one.arn for _, one in sorted(wanted.targets.items()))
    hashed = waves.ordered(names, salt)
    return sorted(hashed, key=lambda arn: not _matches(arn.rpartition(":")[2], wanted.first))


def wave_of(step: Step) -> int:
    """The wave that a step belongs to."""
    return int(step.arguments["wave"])


def rules_of(plan: Plan) -> Rules:
    """The gate's rules, as the plan states them."""
    return Rules(**{name: int(value) for name, value in plan.asked["gate"].items()})


def _meant(one: FunctionVersion, wanted: Wanted, tagged: frozenset[str] | None) -> bool:
    if one.region not in wanted.targets or (tagged is not None and one.arn not in tagged):
        return False
    if wanted.names and not _matches(one.name, wanted.names):
        return False
    target = wanted.targets[one.region]
    own = layer_of(target.arn)
    old = target.replaces or own
    found = [layer.arn for layer in one.layers if layer_of(layer.arn) in (old, own)]
    if wanted.using:
        return any(layer_arn(arn).version in wanted.using for arn in found)
    return bool(found) or wanted.add


def _step(one: Candidate, wanted: Wanted, missing: Mapping[str, str]) -> Step:
    """What is done to a function, its wave left open. Raises Held."""
    latest, target = one.latest, wanted.targets[one.latest.region]
    _require_fitting(latest, target)
    layers = [layer.arn for layer in latest.layers]
    after = swap(layers, target.arn, target.replaces, add=wanted.add)
    aliases = _aliases(one, after, target, wanted)
    if list(after) == layers and not aliases:
        raise Held("has-it", f"it has {short(target.arn)} already")
    for arn in after:
        if arn in missing:
            raise Held("missing-layer", f"its layer {short(arn)} {missing[arn]}")
    old = next((arn for arn in layers if arn not in after), "")
    moved = {name: alias["version"] for name, alias in aliases.items()}
    return Step(
        id="",
        action=SWAP,
        target=latest.arn,
        region=latest.region,
        why="",
        before={"layers": layers, "revision": latest.revision, "aliases": moved},
        after={"layers": list(after)},
        arguments={
            "function": latest.name,
            "to": target.arn,
            "from": old,
            "aliases": aliases,
            "log_group": latest.log_group,
            "settings": dict(latest.settings),
        },
    )


def _require_fitting(latest: FunctionVersion, target: Target) -> None:
    if not latest.runtime:
        raise Held("image", "it is a container image, which has no layers")
    if target.runtimes and latest.runtime not in target.runtimes:
        raise Held(
            "runtime",
            f"it runs {latest.runtime}, and {short(target.arn)} is for"
            f" {', '.join(target.runtimes)}",
        )
    if target.architectures and latest.architecture not in target.architectures:
        raise Held(
            "architecture",
            f"it runs on {latest.architecture}, and {short(target.arn)} is for"
            f" {', '.join(target.architectures)}",
        )


def _aliases(
    one: Candidate, after: tuple[str, ...], target: Target, wanted: Wanted
) -> dict[str, dict[str, str]]:
    """The aliases that move, with where they point. Raises Held where none may."""
    moved: dict[str, dict[str, str]] = {}
    refused: list[str] = []
    for alias in sorted(one.aliases, key=lambda alias: alias.name):
        asked = not wanted.aliases or alias.name in wanted.aliases
        if not asked or set(alias.weights) == {LATEST}:
            continue
        number, *more = alias.weights
        version = one.versions.get(number)
        why = "is being shifted"
        if not more:
            why = unlike(one.latest, version, after, target.arn, target.replaces, add=wanted.add)
        if why:
            refused.append(f"alias {alias.name} {why}")
        elif version is None or [layer.arn for layer in version.layers] != list(after):
            group = one.groups.get(alias.name, "")
            moved[alias.name] = {"version": number, "revision": alias.revision, "group": group}
    if refused and not moved:
        raise Held("unreleased", "; ".join(refused))
    return moved


def _in_waves(steps: Mapping[str, Step], wanted: Wanted) -> Iterator[Step]:
    order = in_order(steps, wanted)
    shares = waves.shares(wanted.shares)
    for number, (wave, arn) in enumerate(waves.assign(order, shares), 1):
        step = steps[arn]
        was = step.arguments["from"]
        yield Step(
            id=str(number),
            action=step.action,
            target=arn,
            region=step.region,
            why=f"wave {wave} of {len(shares)}: {_change(step, was)}",
            before=step.before,
            after=step.after,
            arguments={**step.arguments, "wave": wave},
        )


def _change(step: Step, was: str) -> str:
    to = short(step.arguments["to"])
    layers = f"{short(was)} → {to}" if was else f"{to} is added"
    if step.before["layers"] == step.after["layers"]:
        layers = f"$LATEST has {to} already"
    moved = [
        f"alias {name} by {'CodeDeploy' if alias['group'] else 'UpdateAlias'}"
        for name, alias in step.arguments["aliases"].items()
    ]
    return ", ".join([layers, *moved])


def _notes(skipped: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Every function that is left out, with the reason; those with the same one together."""
    for reason, names in sorted(skipped.items()):
        yield f"left out, {reason}: {', '.join(sorted(names))}"


def _unmet(candidates: Sequence[Candidate], wanted: Wanted, fleet: int) -> Iterator[str]:
    """What was asked for and comes to nothing: a slip in a name would change what is meant."""
    there = {alias.name for one in candidates for alias in one.aliases}
    for name in wanted.aliases:
        if name not in there:
            yield f"none of these functions has an alias {name}, which --alias names"
    has = {layer_of(layer.arn) for one in candidates for layer in one.latest.layers}
    for old in sorted({one.replaces for one in wanted.targets.values()} - {"", *has}):
        yield f"no function has {old}, which --replace names; meant are those with the layer itself"
    empty = waves.left_out(wanted.shares, fleet)
    yield from [empty] if empty else []


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
