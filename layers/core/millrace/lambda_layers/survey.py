"""What a rollout is planned from: the version in each region, the fleet, its aliases and tags.

Functions come from the one listing that has all of them; only a function that is meant, and has
published versions, costs one more call: nothing lists the aliases of several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from millrace.errors import ConfigurationError, LayerError, NotAllowed
from millrace.lambda_layers import rollout
from millrace.lambda_layers.aws import Gone, LambdaAccount, Maker, parallel
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.lambda_layers.exchange import Held, swap
from millrace.lambda_layers.inventory import (
    LATEST,
    Alias,
    FunctionVersion,
    LayerArn,
    LayerVersion,
    alias,
    layer_arn,
)
from millrace.lambda_layers.manifest import holding, identity_of
from millrace.lambda_layers.rollout import Candidate, Target, Wanted
from millrace.plans.approval import asked_for
from millrace.plans.plan import Plan

_TAGGING = "resourcegroupstaggingapi"
MAKERS: Mapping[str, Maker] = {
    _TAGGING: lambda session, **where: session.client("resourcegroupstaggingapi", **where)
}
_NAMED = re.compile(r"([\w-]{1,140})(?::(\d+))?")


@dataclass(frozen=True, slots=True)
class Named:
    """A layer as it was typed; `version` is 0 for the newest, `arn` None where a name was given."""

    name: str
    version: int
    arn: LayerArn | None = None


def named(text: str) -> Named:
    """What NAME, NAME:VERSION or an ARN means. Raises ConfigurationError.

    >>> named("deps:8")
    Named(name='deps', version=8, arn=None)
    """
    if text.startswith("arn:"):
        arn = layer_arn(text)
        return Named(arn.name, arn.version, arn)
    found = _NAMED.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"{text!r} names no layer; NAME, NAME:VERSION or the ARN of a version does."
        )
    return Named(found[1], int(found[2] or 0))


def targets(
    account: LambdaAccount, layer: Named, regions: Sequence[str], replaces: str = ""
) -> dict[str, Target]:
    """The version in each region: the same content everywhere. Raises MillraceErrors."""
    home = layer.arn.region if layer.arn else regions[0]
    if home not in regions:
        raise ConfigurationError(
            f"{layer.arn} is a layer of {home}, and {', '.join(regions)} is asked for: a function"
            f" can only have layers of its own region. Add --region {home}, or name the layer by"
            " its name."
        )
    first = _version(account, layer, home)
    found = {home: first}
    others = [region for region in regions if region != home]
    for region, one in zip(others, parallel(_twin(account, first), others), strict=True):
        found[region] = one
    old = _replaced(account, replaces)
    return {
        region: Target(str(one.arn), old(region), one.runtimes, one.architectures)
        for region, one in found.items()
    }


def prepare(
    account: LambdaAccount, wanted: Wanted, now_ms: int, *, needs_approval: bool = False
) -> Plan:
    """The plan of a rollout. Raises MillraceErrors: a fleet that is half seen gives no plan."""
    regions = sorted(wanted.targets)
    tagged = _tagged(account, regions, wanted.tags) if wanted.tags else None
    found = parallel(lambda region: _candidates(account, region, wanted, tagged), regions)
    candidates = [one for some in found for one in some]
    missing = _missing(account, candidates, wanted)
    made = rollout.plan(candidates, wanted, account.account, now_ms, missing)
    return asked_for(made, account.identity["Arn"]) if needs_approval else made


def _version(account: LambdaAccount, layer: Named, region: str) -> LayerVersion:
    """The version that is meant, as its own region has it."""
    arn = layer.arn or LayerArn(account.partition, region, account.account, layer.name)
    if not layer.version:
        versions = account.layer_versions(region, str(arn) if layer.arn else layer.name)
        if not versions:
            raise LayerError(f"There is no version of layer {layer.name} in {region}: publish one.")
        return versions[0]
    wanted = str(LayerArn(arn.partition, region, arn.account, arn.name, layer.version))
    try:
        answer = account.call("lambda:GetLayerVersionByArn", region, {"Arn": wanted})
    except Gone as error:
        raise LayerError(
            f"{wanted} does not exist: it was deleted, or never published. Name another version;"
            f" there are: {_there(account, region, layer.name) or 'none'}."
        ) from error
    return LayerVersion(
        arn=layer_arn(wanted),
        created_ms=0,
        description=answer.get("Description", ""),
        runtimes=tuple(answer.get("CompatibleRuntimes", ())),
        architectures=tuple(answer.get("CompatibleArchitectures", ())),
    )


def _there(account: LambdaAccount, region: str, name: str) -> str:
    return ", ".join(str(one.arn.version) for one in account.layer_versions(region, name)[:5])


def _twin(account: LambdaAccount, first: LayerVersion) -> Callable[[str], LayerVersion]:
    def find(region: str) -> LayerVersion:
        identity = identity_of(first.description)
        if first.arn.account != account.account:
            raise LayerError(
                f"{first.arn} belongs to another account, whose versions cannot be listed: roll it"
                " out region by region, each time naming the ARN of that region."
            )
        versions = account.layer_versions(region, first.arn.name)
        found = holding(versions, identity) if identity else None
        if found is None:
            why = "no version there holds the same tree" if identity else "it names no tree"
            raise LayerError(
                f"Which version of {first.arn.name} in {region} is {first.arn} cannot be told:"
                f" {why}. Publish it there (millrace layers publish --region {region}), or roll out"
                " region by region."
            )
        return found

    return find


def _replaced(account: LambdaAccount, replaces: str) -> Callable[[str], str]:
    """The ARN of the layer that goes, in a region; empty where none was named."""
    if not replaces:
        return lambda region: ""
    layer = named(replaces)
    if layer.version:
        raise ConfigurationError(
            f"--replace {replaces} names a version; the layer is replaced, whatever version of it"
            " a function has. To choose by version: --using."
        )
    owner = layer.arn.account if layer.arn else account.account
    return lambda region: str(LayerArn(account.partition, region, owner, layer.name))


def _candidates(
    account: LambdaAccount, region: str, wanted: Wanted, tagged: frozenset[str] | None
) -> list[Candidate]:
    functions = account.functions(region)
    meant = rollout.selected([one for one in functions if one.version == LATEST], wanted, tagged)
    versions: dict[str, dict[str, FunctionVersion]] = {one.arn: {} for one in meant}
    for one in functions:
        if one.version != LATEST and one.arn in versions:
            versions[one.arn][one.version] = one
    published = [arn for arn, some in versions.items() if some]
    listed = parallel(lambda arn: _aliases(account, region, arn), published)
    aliases = dict(zip(published, listed, strict=True))
    # Whoever has no alias is deployed by nobody's CodeDeploy.
    any_alias = any(aliases.values())
    groups = CodeDeploy(account, lambda s: None).groups(region) if any_alias else {}
    return [
        Candidate(
            one,
            versions[one.arn],
            aliases.get(one.arn, ()),
            {alias: group for (name, alias), group in groups.items() if name == one.name},
        )
        for one in meant
    ]


def _aliases(account: LambdaAccount, region: str, arn: str) -> tuple[Alias, ...]:
    rows = account.pages("lambda:ListAliases", region, "Aliases", {"FunctionName": arn})
    return tuple(alias(row, arn) for row in rows)


def _tagged(
    account: LambdaAccount, regions: Sequence[str], tags: Mapping[str, str]
) -> frozenset[str]:
    """ARNs of the functions that have all of these tags, a hundred at a time."""
    wanted = {
        "ResourceTypeFilters": ["lambda:function"],
        "TagFilters": [{"Key": key, "Values": [value]} for key, value in tags.items()],
    }
    found: set[str] = set()
    for region in regions:
        token: dict[str, str] = {}
        while True:
            try:
                answer = account.call(f"{_TAGGING}:GetResources", region, {**wanted, **token})
            except NotAllowed as error:  # IAM has another name for the service
                raise NotAllowed(str(error).replace(f"{_TAGGING}:", "tag:")) from error
            found |= {one["ResourceARN"] for one in answer["ResourceTagMappingList"]}
            if not answer.get("PaginationToken"):
                break
            token = {"PaginationToken": answer["PaginationToken"]}
    return frozenset(found)


def _missing(
    account: LambdaAccount, candidates: Iterable[Candidate], wanted: Wanted
) -> dict[str, str]:
    """Layer versions of this account that functions would keep, and that are not there any more.

    A function that has one runs on, but Lambda refuses every list of layers with it.
    """
    used: set[str] = set()
    for one in candidates:
        target = wanted.targets[one.latest.region]
        try:
            layers = [layer.arn for layer in one.latest.layers]
            used |= set(swap(layers, target.arn, target.replaces, add=wanted.add)) - {target.arn}
        except Held:
            continue
    own = [arn for arn in map(layer_arn, sorted(used)) if arn.account == account.account]
    kept = sorted({(arn.region, arn.name) for arn in own})
    listed = parallel(lambda one: account.layer_versions(*one), kept)
    there = {str(version.arn) for some in listed for version in some}
    return {str(arn): "does not exist any more" for arn in own if str(arn) not in there}
