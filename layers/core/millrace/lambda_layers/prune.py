"""Cleaning up an account's layer versions: look, plan, and delete step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from millrace.errors import NotAllowed
from millrace.lambda_layers import policies, retention
from millrace.lambda_layers.aws import Gone, LambdaAccount, parallel
from millrace.lambda_layers.inventory import (
    FunctionVersion,
    Inventory,
    LayerArn,
    layer_arn,
    require_layer_name,
)
from millrace.lambda_layers.retention import Rules, Verdict
from millrace.plans.approval import asked_for
from millrace.plans.plan import Plan, State, Step

# Who uses what is read anew before a deletion when it was read longer ago.
_FRESH_MS = 60_000


@dataclass(frozen=True, slots=True)
class Pruning:
    """A plan, with the verdicts and the inventory that it follows from."""

    plan: Plan
    verdicts: tuple[Verdict, ...]
    inventory: Inventory

    @property
    def going(self) -> tuple[Verdict, ...]:
        """The versions that the plan deletes."""
        return tuple(one for one in self.verdicts if not one.stays)

    @property
    def missing(self) -> tuple[str, ...]:
        """The layers that were asked for, and are in none of the regions."""
        there = {one.arn.name for one in self.inventory.layers}
        return tuple(name for name in self.plan.asked["layers"] or () if name not in there)


def prepare(
    account: LambdaAccount,
    regions: Sequence[str],
    rules: Rules,
    now_ms: int,
    layers: Iterable[str] | None = None,
    *,
    needs_approval: bool = False,
) -> Pruning:
    """What may be deleted of these layers (of all, where none is named).

    Raises MillraceErrors: a region that cannot be read as a whole gives no plan.
    """
    names = sorted(set(layers)) if layers else None
    for name in names or ():
        require_layer_name(name)
    inventory = account.inventory(regions, now_ms, layers=names)
    found = retention.verdicts(inventory, rules, now_ms)
    asked = [one.version.arn for one in found if not one.stays]
    shared = dict(
        zip(map(str, asked), parallel(lambda arn: _shared(account, arn), asked), strict=True)
    )
    settled = retention.after_asking(found, shared)
    made = retention.plan(settled, inventory, rules, {"layers": names})
    if needs_approval:
        made = asked_for(made, account.identity["Arn"])
    return Pruning(made, settled, inventory)


def shares_of(account: LambdaAccount, arn: LayerArn) -> tuple[policies.Share, ...]:
    """The statements of a version's policy; none where it has none, or is not there."""
    return policy_of(account, arn)[0]


def policy_of(account: LambdaAccount, arn: LayerArn) -> tuple[tuple[policies.Share, ...], str]:
    """The statements of a version's policy, and its revision."""
    members = {"LayerName": arn.name, "VersionNumber": arn.version}
    try:
        answer = account.call("lambda:GetLayerVersionPolicy", arn.region, members)
    except Gone:
        return (), ""
    return policies.shares(answer["Policy"]), answer.get("RevisionId", "")


def _shared(account: LambdaAccount, arn: LayerArn) -> bool | None:
    try:
        return bool(shares_of(account, arn))
    except NotAllowed:
        return None


@dataclass(slots=True)
class Deleter:
    """Performs the steps of a plan of `retention`."""

    cloud: LambdaAccount
    now_ms: Callable[[], int]
    _users: dict[str, tuple[int, Mapping[str, list[FunctionVersion]]]] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """See Performer."""
        return self.cloud.account

    def observe(self, step: Step) -> State:
        """See Performer: whether it is there, who has it, whether it is shared, what is newer.

        Newer versions count up to the number that is to stay: somebody may have deleted those
        since, and then this one is among the newest.
        """
        arn = layer_arn(step.target)
        members = {"LayerName": arn.name, "VersionNumber": arn.version}
        try:
            self.cloud.call("lambda:GetLayerVersion", arn.region, members)
        except Gone:
            return {"exists": False}
        users = self._read(arn.region).get(str(arn), [])
        return {
            "exists": True,
            "used_by": retention.used_by(users),
            "shared": bool(shares_of(self.cloud, arn)),
            "newer": min(self._newer(arn), step.before.get("newer", 0)),
        }

    def perform(self, step: Step) -> State:
        """See Performer."""
        arn = layer_arn(step.target)
        members = {"LayerName": arn.name, "VersionNumber": arn.version}
        self.cloud.call("lambda:DeleteLayerVersion", arn.region, members)
        return {"deleted": step.target}

    def _newer(self, arn: LayerArn) -> int:
        versions = self.cloud.layer_versions(arn.region, arn.name)
        return sum(one.arn.version > arn.version for one in versions)

    def _read(self, region: str) -> Mapping[str, list[FunctionVersion]]:
        """Who has which version in a region, as of a minute ago at most."""
        with self._locks.setdefault(region, threading.Lock()):
            read_ms, found = self._users.get(region, (0, {}))
            if self.now_ms() - read_ms >= _FRESH_MS:
                read_ms, users = self.now_ms(), dict[str, list[FunctionVersion]]()
                for function in self.cloud.functions(region):
                    for layer in function.layers:
                        users.setdefault(layer.arn, []).append(function)
                self._users[region], found = (read_ms, users), users
            return found
