"""Operations on aliases and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.lambda_control.errors import Conflict, InvalidValue, NotFound, StaleRevision
from localcloud.lambda_control.functions import LATEST, found
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.paging import answer, page
from localcloud.lambda_control.state import Configuration, Function, World, revision

Members = Mapping[str, Any]
MOST_TAGS = 50


def create(world: World, caller: Where, members: Members) -> Configuration:
    """CreateAlias."""
    function, name = found(world, caller, members["FunctionName"])
    alias = members["Name"]
    arn = caller.arn("function", f"{name}:{alias}")
    if alias in function.aliases:
        raise Conflict(f"Alias already exists: {arn}")
    made = {
        "AliasArn": arn,
        "Name": alias,
        "Description": members.get("Description", ""),
        "RevisionId": revision(),
        **_routing(function, members["FunctionVersion"], members.get("RoutingConfig")),
    }
    function.aliases[alias] = made
    return dict(made)


def update(world: World, caller: Where, members: Members) -> Configuration:
    """UpdateAlias."""
    alias, function = _alias(world, caller, members)
    if members.get("RevisionId") and members["RevisionId"] != alias["RevisionId"]:
        raise StaleRevision
    version = members.get("FunctionVersion", alias["FunctionVersion"])
    routed = _routing(function, version, members.get("RoutingConfig", alias.get("RoutingConfig")))
    alias.pop("RoutingConfig", None)
    alias |= {**routed, "RevisionId": revision()}
    if "Description" in members:
        alias["Description"] = members["Description"]
    return dict(alias)


def get(world: World, caller: Where, members: Members) -> Configuration:
    """GetAlias."""
    return dict(_alias(world, caller, members)[0])


def delete(world: World, caller: Where, members: Members) -> None:
    """DeleteAlias; to delete what is not there is no error."""
    function, _ = found(world, caller, members["FunctionName"])
    function.aliases.pop(members["Name"], None)


def list_aliases(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """ListAliases."""
    function, name = found(world, caller, members["FunctionName"])
    version = members.get("FunctionVersion")
    rows = (
        (alias, dict(value))
        for alias, value in function.aliases.items()
        if version in (None, value["FunctionVersion"])
    )
    return answer("Aliases", *page(rows, members, f"aliases of {name}"))


def list_tags(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """ListTags."""
    return {"Tags": found(world, caller, members["Resource"])[0].tags}


def tag(world: World, caller: Where, members: Members) -> None:
    """TagResource; nothing is set when they would be too many."""
    function, _ = found(world, caller, members["Resource"])
    merged = {**function.tags, **members["Tags"]}
    if len(merged) > MOST_TAGS:
        raise InvalidValue(f"There would be {len(merged)} tags; a function has {MOST_TAGS}.")
    function.tags = merged


def untag(world: World, caller: Where, members: Members) -> None:
    """UntagResource."""
    function, _ = found(world, caller, members["Resource"])
    for key in members["TagKeys"]:
        function.tags.pop(key, None)


def _alias(world: World, caller: Where, members: Members) -> tuple[Configuration, Function]:
    function, name = found(world, caller, members["FunctionName"])
    if members["Name"] not in function.aliases:
        arn = caller.arn("function", f"{name}:{members['Name']}")
        raise NotFound(f"Cannot find alias arn: {arn}")
    return function.aliases[members["Name"]], function


def _routing(function: Function, version: str, routing: Members | None) -> Configuration:
    weights = dict((routing or {}).get("AdditionalVersionWeights") or {})
    for one in (version, *weights):
        if one != LATEST and not (one.isdigit() and int(one) in function.versions):
            raise NotFound(f"Function not found: {function.latest['FunctionArn']}:{one}")
    if LATEST in weights or (weights and version == LATEST):
        raise InvalidValue("$LATEST is not supported for an alias pointing to more than 1 version")
    if len(weights) > 1 or version in weights:
        raise InvalidValue("An alias routes to two different versions at most.")
    routed: Configuration = {"FunctionVersion": version}
    if weights:
        routed["RoutingConfig"] = {"AdditionalVersionWeights": weights}
    return routed
