"""Fleets to try things on: the same seed makes the same layers and functions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from localcloud.lambda_control import aliases, functions, layers
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.state import World

_ROLE = "arn:aws:iam::{}:role/functions"
_RUNTIMES = ("python3.11", "python3.12", "python3.13")


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many of what: `versions` of each layer, and published versions of each function."""

    functions: int = 1000
    layers: int = 4
    versions: int = 12
    published: int = 2


def layer(
    world: World,
    where: Where,
    name: str,
    *,
    content: bytes = b"layer",
    age_days: float = 0,
    description: str = "",
    runtimes: Sequence[str] = ("python3.13",),
) -> str:
    """Publish a version as it would have been some days ago; its ARN."""
    members = {
        "LayerName": name,
        "Content": {"ZipFile": content},
        "Description": description,
        "CompatibleRuntimes": list(runtimes),
        "CompatibleArchitectures": ["arm64"],
    }
    made = layers.publish(world, where, members)
    created = world.now() - timedelta(days=age_days)
    version = world.home(where).layers[name].versions[made["Version"]]
    version.created = created.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return str(made["LayerVersionArn"])


def function(
    world: World,
    where: Where,
    name: str,
    arns: Sequence[str] = (),
    *,
    runtime: str = "python3.13",
    variables: Mapping[str, str] | None = None,
) -> str:
    """Make a function with these layers; its ARN."""
    members = {
        "FunctionName": name,
        "Role": _ROLE.format(where.account),
        "Runtime": runtime,
        "Handler": "app.handler",
        "Architectures": ["arm64"],
        "Code": {"ZipFile": name.encode()},
        "Layers": list(arns),
        "Environment": {"Variables": dict(variables or {})},
    }
    return str(functions.create(world, where, members)["FunctionArn"])


def use(world: World, where: Where, name: str, arns: Sequence[str]) -> None:
    """Give a function other layers."""
    members = {"FunctionName": name, "Layers": list(arns)}
    functions.update_configuration(world, where, members)


def publish(world: World, where: Where, name: str, alias: str | None = None) -> str:
    """Publish a version of a function, and let an alias point to it; its number."""
    number = str(functions.publish(world, where, {"FunctionName": name})["Version"])
    if alias is not None:
        routed = {"FunctionName": name, "Name": alias, "FunctionVersion": number}
        known = alias in world.home(where).functions[name].aliases
        (aliases.update if known else aliases.create)(world, where, routed)
    return number


def fleet(world: World, where: Where, wanted: Fleet | None = None, *, seed: int = 5) -> None:
    """Fill a region with functions that use old and new versions of a few layers."""
    wanted = wanted or Fleet()
    draw = random.Random(seed)  # noqa: S311  the same fleet each time
    arns = {
        f"layer-{index}": [
            layer(
                world,
                where,
                f"layer-{index}",
                content=f"{index} {version}".encode(),
                age_days=7.0 * (wanted.versions - version),
            )
            for version in range(wanted.versions)
        ]
        for index in range(wanted.layers)
    }
    names = list(arns)
    for index in range(wanted.functions):
        name = f"function-{index:05d}"
        chosen = sorted(draw.sample(names, k=min(2, len(names))))
        newest = draw.choice((1, 1, 2, 3, max(1, wanted.versions - wanted.published)))
        function(world, where, name, (), runtime=draw.choice(_RUNTIMES))
        for published in range(wanted.published):
            behind = min(wanted.versions, newest + wanted.published - published - 1)
            use(world, where, name, [arns[one][-behind] for one in chosen])
            publish(world, where, name, "live")
