"""Who uses which layer version: how far behind, on which runtimes, how large; and what nobody uses.

Pure: an `Inventory` and dates in, plain data out. Every version of a function counts as a user, for
deleting a layer version breaks the deployment of any of them; how far behind a function is, is
asked of `$LATEST`, from which the next version is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from millrace.lambda_layers.inventory import FunctionVersion, Inventory, LayerVersion, layer_arn
from millrace.lambda_layers.tree import LIMIT_BYTES

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class VersionUse:
    """A layer version and who has it.

    Attributes:
        behind: how many newer versions of the layer there are; None where it is another account's.
        zipped: bytes, known only where somebody uses it.
        functions, function_versions: how many have it: by `$LATEST`, and any version at all.
        state: current, behind, orphan (nobody has it), deleted (used, but gone), or foreign.
    """

    arn: str
    layer: str
    region: str
    version: int
    state: str
    behind: int | None
    age_days: int | None
    zipped: int | None
    functions: int
    function_versions: int


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """A function as it is now, with its layers.

    Attributes:
        deprecated: the day from which its runtime gets no more patches, where that has come.
        behind: versions that its layers are behind, all together.
        zipped: bytes of its code and its layers.
    """

    name: str
    region: str
    runtime: str
    deprecated: str | None
    layers: tuple[str, ...]
    behind: int
    zipped: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """The whole report."""

    account: str
    regions: tuple[str, ...]
    taken_ms: int
    calls: int
    versions: tuple[VersionUse, ...]
    functions: tuple[FunctionUse, ...]

    @property
    def summary(self) -> dict[str, int]:
        """What people ask first."""
        states = [one.state for one in self.versions]
        return {
            "layers": len({(one.region, one.layer) for one in self.versions}),
            "layer_versions": len(self.versions),
            "orphans": states.count("orphan"),
            "deleted_in_use": states.count("deleted"),
            "functions": len(self.functions),
            "functions_with_layers": sum(bool(one.layers) for one in self.functions),
            "functions_behind": sum(one.behind > 0 for one in self.functions),
            "deprecated_runtimes": sum(one.deprecated is not None for one in self.functions),
            "zipped_bytes": sum(one.zipped or 0 for one in self.versions),
        }

    @property
    def document(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "account": self.account,
            "regions": list(self.regions),
            "calls": self.calls,
            "limit_bytes": LIMIT_BYTES,
            "summary": self.summary,
            "versions": [asdict(one) for one in self.versions],
            "functions": [asdict(one) for one in self.functions],
        }


def usage(inventory: Inventory, today: date, deprecated: Mapping[str, date]) -> Usage:
    """The report of an account; `deprecated` says from which day a runtime gets no patches."""
    newest = {str(one.arn): place for place, one in _places(inventory)}
    versions = [*_own(inventory), *_others(inventory)]
    return Usage(
        account=inventory.account,
        regions=inventory.regions,
        taken_ms=inventory.taken_ms,
        calls=sum(inventory.calls.values()),
        versions=tuple(sorted(versions, key=lambda one: (one.region, one.layer, -one.version))),
        functions=tuple(
            sorted(
                (_function(one, inventory, newest, today, deprecated) for one in inventory.latest),
                key=lambda one: (-one.behind, one.region, one.name),
            )
        ),
    )


def _places(inventory: Inventory) -> Iterator[tuple[int, LayerVersion]]:
    """Every version with how many newer ones there are."""
    for versions in inventory.by_layer.values():
        yield from enumerate(versions)


def _own(inventory: Inventory) -> Iterator[VersionUse]:
    for place, one in _places(inventory):
        users = inventory.users(one.arn)
        state = "orphan" if not users else "behind" if place else "current"
        age_days = max(0, inventory.taken_ms - one.created_ms) // _DAY_MS
        yield _use(str(one.arn), state, place, age_days, users)


def _others(inventory: Inventory) -> Iterator[VersionUse]:
    """What functions have and the account does not: other accounts', and what was deleted."""
    known = {str(one.arn) for one in inventory.layers}
    for arn in inventory.used:
        if arn not in known:
            own = layer_arn(arn).account == inventory.account
            state = "deleted" if own else "foreign"
            yield _use(arn, state, None, None, inventory.users(arn))


def _use(
    arn: str,
    state: str,
    behind: int | None,
    age_days: int | None,
    users: Sequence[FunctionVersion],
) -> VersionUse:
    parts = layer_arn(arn)
    sizes = {one.zipped for user in users for one in user.layers if one.arn == arn}
    return VersionUse(
        arn=arn,
        layer=parts.name,
        region=parts.region,
        version=parts.version,
        state=state,
        behind=behind,
        age_days=age_days,
        zipped=max(sizes, default=None),
        functions=sum(user.version == "$LATEST" for user in users),
        function_versions=len(users),
    )


def _function(
    one: FunctionVersion,
    inventory: Inventory,
    newest: Mapping[str, int],
    today: date,
    deprecated: Mapping[str, date],
) -> FunctionUse:
    arns = [layer.arn for layer in one.layers]
    ends = deprecated.get(one.runtime)
    own = [arn for arn in arns if layer_arn(arn).account == inventory.account]
    return FunctionUse(
        name=one.name,
        region=one.region,
        runtime=one.runtime,
        deprecated=ends.isoformat() if ends is not None and ends <= today else None,
        layers=tuple(f"{layer_arn(arn).name}:{layer_arn(arn).version}" for arn in arns),
        behind=sum(newest.get(arn, 0) for arn in arns),
        zipped=one.code_bytes + sum(layer.zipped for layer in one.layers),
        missing=tuple(arn for arn in own if arn not in newest),
    )
