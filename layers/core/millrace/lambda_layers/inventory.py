"""What there is in an account: layer versions, function versions, aliases, and who uses what.

Plain data, made by `millrace.lambda_layers.aws.LambdaAccount.inventory`, for whatever plans on it:

- `Inventory.functions`: every version of every function, `$LATEST` included. An alias can only
  point to one of them, so what no version uses, no alias uses either.
- `Inventory.users(arn)`: the function versions that have a layer version.
- `Inventory.layers`: the layer versions that the account itself has, newest first by layer.
- `Inventory.aliases`: asked for only where somebody needs them (a call for each function).
- `Inventory.calls`: how many requests it took.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from millrace.errors import ConfigurationError
from millrace.plans.plan import canonical, from_iso

LATEST = "$LATEST"
# The one variable of a function that is looked at; the others may hold secrets.
LAYER_SHA = "LAYER_SHA"

# What says where or how a version is, not what it does; ConfigSha256 is over layers, too.
_NO_SETTINGS = {
    "ConfigSha256",
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "Layers",
    "MasterArn",
    "ResponseMetadata",
    "RevisionId",
    "RuntimeVersionConfig",
    "State",
    "StateReason",
    "StateReasonCode",
    "Version",
}

_NAME = re.compile(r"[\w-]{1,140}", re.ASCII)
_ARN = re.compile(r"arn:(aws[\w-]*):lambda:([a-z0-9-]+):(\d{12}):layer:([\w-]+)(?::(\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class LayerArn:
    """A layer's ARN in parts; `version` is 0 where it names the layer itself."""

    partition: str
    region: str
    account: str
    name: str
    version: int = 0

    def __str__(self) -> str:
        layer = f"arn:{self.partition}:lambda:{self.region}:{self.account}:layer:{self.name}"
        return f"{layer}:{self.version}" if self.version else layer


def layer_arn(text: str) -> LayerArn:
    """The parts of a layer's ARN. Raises ConfigurationError for what is none.

    >>> layer_arn("arn:aws:lambda:eu-west-1:123456789012:layer:deps:7").version
    7
    """
    found = _ARN.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"{text!r} is no ARN of a layer; one looks like"
            " arn:aws:lambda:eu-west-1:123456789012:layer:NAME:VERSION."
        )
    return LayerArn(found[1], found[2], found[3], found[4], int(found[5] or 0))


def is_layer_name(text: str) -> bool:
    """Whether a layer may have this name; ARNs and patterns are none.

    >>> is_layer_name("deps"), is_layer_name("deps-*")
    (True, False)
    """
    return _NAME.fullmatch(text) is not None


def require_layer_name(text: str) -> None:
    """Raises ConfigurationError for what no layer can be called."""
    if not is_layer_name(text):
        raise ConfigurationError(
            f"{text!r} is no layer's name; one is like deps, no ARN and no pattern."
        )


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A version of a layer of this account."""

    arn: LayerArn
    created_ms: int
    description: str = ""
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    license_info: str = ""


@dataclass(frozen=True, slots=True)
class LayerUse:
    """A layer version that a function version has; `zipped` are its bytes."""

    arn: str
    zipped: int


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """A version of a function, or `$LATEST`.

    Attributes:
        arn: the function's, without a qualifier.
        runtime: empty for a container image, which has no layers.
        layers: in the order in which the function has them.
        revision: its RevisionId, for conditional updates.
        layer_sha: what its variable LAYER_SHA says, empty where it has none.
        settings: its code and configuration but for its layers, each as a digest: two versions
            that differ in none do the same with the same layers.
        log_group: where its log goes.
    """

    arn: str
    name: str
    region: str
    version: str
    runtime: str
    architecture: str
    layers: tuple[LayerUse, ...]
    modified_ms: int
    memory_mb: int
    code_bytes: int
    revision: str
    layer_sha: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    log_group: str = ""

    @property
    def qualified(self) -> str:
        """Its ARN with its version."""
        return f"{self.arn}:{self.version}"


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias, with the versions it routes to and their share of the traffic."""

    function_arn: str
    name: str
    weights: Mapping[str, float]
    revision: str


@dataclass(frozen=True)
class Inventory:
    """An account's layers and functions in some regions, as they were at one time."""

    account: str
    regions: tuple[str, ...]
    taken_ms: int
    functions: tuple[FunctionVersion, ...] = ()
    layers: tuple[LayerVersion, ...] = ()
    aliases: tuple[Alias, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def _users(self) -> Mapping[str, tuple[FunctionVersion, ...]]:
        found: dict[str, list[FunctionVersion]] = {}
        for function in self.functions:
            for layer in function.layers:
                found.setdefault(layer.arn, []).append(function)
        return {arn: tuple(users) for arn, users in found.items()}

    def users(self, arn: LayerArn | str) -> tuple[FunctionVersion, ...]:
        """The function versions that have this layer version."""
        return self._users.get(str(arn), ())

    @property
    def used(self) -> Iterable[str]:
        """The ARNs of all layer versions that any function version has, of any account."""
        return self._users

    @property
    def latest(self) -> Iterator[FunctionVersion]:
        """Every function once, as `$LATEST` is."""
        return (one for one in self.functions if one.version == LATEST)

    @cached_property
    def by_layer(self) -> Mapping[str, tuple[LayerVersion, ...]]:
        """The account's layer versions by the layer's ARN, the newest first."""
        found: dict[str, list[LayerVersion]] = {}
        newest_first = sorted(self.layers, key=lambda one: one.arn.version, reverse=True)
        for one in sorted(newest_first, key=lambda one: replace(one.arn, version=0)):
            found.setdefault(str(one.arn).rpartition(":")[0], []).append(one)
        return {arn: tuple(versions) for arn, versions in found.items()}


def layer_version(row: Mapping[str, Any]) -> LayerVersion:
    """A version as ListLayerVersions shows it."""
    return LayerVersion(
        arn=layer_arn(row["LayerVersionArn"]),
        created_ms=from_iso(row["CreatedDate"]),
        description=row.get("Description", ""),
        runtimes=tuple(row.get("CompatibleRuntimes", ())),
        architectures=tuple(row.get("CompatibleArchitectures", ())),
        license_info=row.get("LicenseInfo", ""),
    )


def function_version(row: Mapping[str, Any], region: str) -> FunctionVersion:
    """A version as ListFunctions shows it."""
    version = row.get("Version", LATEST)
    variables = row.get("Environment", {}).get("Variables", {})
    return FunctionVersion(
        arn=row["FunctionArn"].removesuffix(f":{version}"),
        name=row["FunctionName"],
        region=region,
        version=version,
        runtime=row.get("Runtime", ""),
        architecture=(row.get("Architectures") or ["x86_64"])[0],
        layers=tuple(LayerUse(one["Arn"], one.get("CodeSize", 0)) for one in row.get("Layers", ())),
        modified_ms=from_iso(row["LastModified"]),
        memory_mb=row.get("MemorySize", 128),
        code_bytes=row.get("CodeSize", 0),
        revision=row.get("RevisionId", ""),
        layer_sha=variables.get(LAYER_SHA, ""),
        settings=settings(row),
        log_group=row.get("LoggingConfig", {}).get(
            "LogGroup", f"/aws/lambda/{row['FunctionName']}"
        ),
    )


def settings(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a version does, but for its layers: digests, since variables may hold secrets.

    >>> settings({"FunctionName": "f", "Version": "3", "MemorySize": 128, "Layers": []})
    (('FunctionName', '30f8b180'), ('MemorySize', '2747b7c7'))
    """
    shown = {**row, "SnapStart": row.get("SnapStart", {}).get("ApplyOn", "None")}
    return tuple(
        (name, hashlib.sha256(canonical(value)).hexdigest()[:8])
        for name, value in sorted(shown.items())
        if name not in _NO_SETTINGS and (name, value) != ("SnapStart", "None")
    )


def alias(row: Mapping[str, Any], function_arn: str) -> Alias:
    """An alias as ListAliases shows it.

    >>> alias({"Name": "live", "FunctionVersion": "2", "RevisionId": "r", "RoutingConfig":
    ...     {"AdditionalVersionWeights": {"3": 0.25}}}, "arn").weights
    {'2': 0.75, '3': 0.25}
    """
    others = row.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    weights = {row["FunctionVersion"]: 1.0 - sum(others.values()), **others}
    return Alias(function_arn, row["Name"], weights, row["RevisionId"])
