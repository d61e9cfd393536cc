"""Sharing layer versions with accounts and organisations, region by region; and taking it back.

Sharing is per version and per region. A region that lacks the version gets the same content
published first. What is granted already, under whatever statement id, is not granted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers.inventory import (
    LayerArn,
    LayerVersion,
    is_layer_name,
    layer_arn,
    require_layer_name,
)
from millrace.lambda_layers.manifest import copied, holding, identity_of
from millrace.lambda_layers.policies import (
    EVERYONE,
    MOST_BYTES,
    Grantee,
    Share,
    account,
    organization,
    size,
)
from millrace.lambda_layers.publishing import CONTENT, GOOD_FOR_MS, PUBLISH
from millrace.plans.plan import Plan, Step

_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)
SHARE = "layers.share"
REVOKE = "layers.revoke"
GRANT = "add-layer-version-permission"
TAKE = "remove-layer-version-permission"
# What the steps need beside their target.
TO_SHARE = {PUBLISH: CONTENT, GRANT: ("identity", "grantee.kind", "grantee.name")}
TO_REVOKE = {TAKE: ("statement_id",)}


@dataclass(frozen=True, slots=True)
class Source:
    """The version to share; `zip_sha256` and `zipped` say what a copy of it must be."""

    version: LayerVersion
    zip_sha256: str
    zipped: int

    @property
    def identity(self) -> str:
        """What its content is known by in every region."""
        return identity_of(self.version.description) or f"zip={self.zip_sha256}"


@dataclass(frozen=True, slots=True)
class Shared:
    """A version with its policy's statements."""

    version: LayerVersion
    shares: tuple[Share, ...]


def wanted_layer(text: str, account: str, partition: str, region: str) -> LayerArn:
    """The layer (or version) that a command names: deps, deps:7 or an ARN.

    Raises ConfigurationError for what is none, and for another account's.

    >>> str(wanted_layer("deps:7", "123456789012", "aws", "eu-west-1"))
    'arn:aws:lambda:eu-west-1:123456789012:layer:deps:7'
    """
    if ":" in text and not text.startswith("arn:"):
        name, _, number = text.partition(":")
        if not _NUMBER.fullmatch(number) or not is_layer_name(name):
            raise ConfigurationError(
                f"{text!r} names no version of a layer; NAME, NAME:NUMBER and an ARN do."
            )
        return LayerArn(partition, region, account, name, int(number))
    if not text.startswith("arn:"):
        require_layer_name(text)
        return LayerArn(partition, region, account, text)
    found = layer_arn(text)
    if found.account != account:
        raise ConfigurationError(
            f"{text} is of account {found.account}; the credentials are of {account}. Only the"
            " owner can share a layer: choose its account with AWS_PROFILE."
        )
    return found


def grantees(
    accounts: Sequence[str], organizations: Sequence[str], everyone: bool
) -> tuple[Grantee, ...]:
    """Those that the options name, once each. Raises ConfigurationError for none of them."""
    found = [account(name) for name in accounts] + [organization(name) for name in organizations]
    found += [EVERYONE] if everyone else []
    if not found:
        raise ConfigurationError(
            "Nobody is named: give --organization ID (a whole organisation, the best choice where"
            " there is one), --account NUMBER, or --everyone."
        )
    return tuple(dict.fromkeys(found))


def share_plan(
    source: Source,
    there: Sequence[tuple[str, Sequence[LayerVersion], Sequence[Share]]],
    to: Sequence[Grantee],
    now_ms: int,
    bucket: str | None = None,
) -> Plan:
    """The plan that shares a version; `there` are region, versions, and what is granted already.

    The grants of a region are those of the version that holds the source's content there. Raises
    LayerError where they would be more than a policy holds: half of them would be no use.
    """
    for region, versions, shares in there:
        local = _local(source, region, versions)
        arn = local.arn if local else replace(source.version.arn, region=region, version=1)
        _require_room(arn, shares, to)
    steps = [
        step
        for region, versions, shares in there
        for step in _region_steps(source, region, versions, shares, to, bucket)
    ]
    notes = [
        f"{one.arn} is shared with {share.grantee} already"
        for region, versions, shares in there
        if (one := _local(source, region, versions)) is not None
        for share in shares
        if share.grantee in to
    ]
    return Plan(
        kind=SHARE,
        account=source.version.arn.account,
        regions=tuple(region for region, _, _ in there),
        made_ms=now_ms,
        expires_ms=now_ms + GOOD_FOR_MS,
        asked={"layer": str(source.version.arn), "with": [str(one) for one in to]},
        steps=tuple(steps),
        notes=tuple(notes),
    )


def revoke_plan(
    layer: LayerArn,
    found: Sequence[Shared],
    of: Sequence[Grantee],
    regions: Sequence[str],
    now_ms: int,
) -> Plan:
    """The plan that takes back what these have; what others have stays."""
    steps = [_take(one, share) for one in found for share in one.shares if share.grantee in of]
    return Plan(
        kind=REVOKE,
        account=layer.account,
        regions=tuple(regions),
        made_ms=now_ms,
        expires_ms=now_ms + GOOD_FOR_MS,
        asked={"layer": str(layer), "from": [str(one) for one in of]},
        steps=tuple(steps),
        notes=tuple(_still_open(found, of)),
    )


def local_version(
    source: LayerVersion, identity: str, region: str, versions: Sequence[LayerVersion]
) -> LayerVersion | None:
    """The version in a region that is the source, or holds its content."""
    if region == source.arn.region:
        return source
    return holding(versions, identity)


def _local(source: Source, region: str, versions: Sequence[LayerVersion]) -> LayerVersion | None:
    return local_version(source.version, source.identity, region, versions)


def _region_steps(
    source: Source,
    region: str,
    versions: Sequence[LayerVersion],
    shares: Sequence[Share],
    to: Sequence[Grantee],
    bucket: str | None,
) -> Iterator[Step]:
    local = _local(source, region, versions)
    needs: tuple[str, ...] = ()
    if local is None:
        first = _copy(source, region, bucket)
        needs = (first.id,)
        yield first
    granted = {share.grantee for share in shares}
    for grantee in to:
        if grantee not in granted:
            yield _grant(source, region, local, grantee, needs)


def _require_room(arn: LayerArn, shares: Sequence[Share], to: Sequence[Grantee]) -> None:
    granted = {share.grantee for share in shares}
    more = [one for one in to if one not in granted]
    wanted = size(shares, more, str(arn))
    if not more or wanted <= MOST_BYTES:
        return
    fit = sum(size(shares, more[:count], str(arn)) <= MOST_BYTES for count in range(1, len(more)))
    raise LayerError(
        f"The policy of {arn} would have {wanted:,} bytes, and Lambda takes {MOST_BYTES:,}: {fit:,}"
        f" of these {len(more):,} fit beside the {len(shares):,} that have it. Nothing was changed."
        " Share with an organisation instead (--organization)."
    )


def _copy(source: Source, region: str, bucket: str | None) -> Step:
    version = source.version
    content = {"copy": str(version.arn), "sha256": source.zip_sha256}
    if bucket:
        content["bucket"] = bucket.replace("{region}", region)
    return Step(
        id=f"{region}:publish",
        action=PUBLISH,
        target=str(replace(version.arn, region=region, version=0)),
        region=region,
        why=f"{region} has no version with the content of {version.arn}",
        before={"published": False},
        after={"published": True},
        arguments={
            "identity": source.identity,
            "description": copied(version.description, source.zip_sha256),
            "runtimes": list(version.runtimes),
            "architectures": list(version.architectures),
            "license": version.license_info,
            "content": content,
        },
    )


def _grant(
    source: Source,
    region: str,
    local: LayerVersion | None,
    grantee: Grantee,
    needs: tuple[str, ...],
) -> Step:
    # The number of a version that is yet to be published nobody knows.
    arn = local.arn if local else replace(source.version.arn, region=region, version=0)
    return Step(
        id=f"{region}:share:{grantee.name}",
        action=GRANT,
        target=str(arn),
        region=region,
        why=f"{grantee} may not read it yet",
        before={"shared": False},
        after={"shared": True},
        arguments={
            "identity": source.identity,
            "grantee": {"kind": grantee.kind, "name": grantee.name},
        },
        needs=needs,
    )


def _take(one: Shared, share: Share) -> Step:
    return Step(
        id=f"{one.version.arn}:{share.statement_id}",
        action=TAKE,
        target=str(one.version.arn),
        region=one.version.arn.region,
        why=f"{share.grantee} may read it; functions that have it keep it",
        before={"statement": share.text},
        after={"statement": None},
        arguments={"statement_id": share.statement_id},
    )


def _still_open(found: Sequence[Shared], of: Sequence[Grantee]) -> Iterator[str]:
    """Who has nothing that could be taken back; and wider grants, by which they can read it."""
    have = {share.grantee for one in found for share in one.shares}
    for grantee in of:
        if grantee not in have:
            yield f"none of these versions is shared with {grantee}"
    for one in found:
        for share in one.shares:
            if share.grantee == EVERYONE and EVERYONE not in of:
                yield f"{one.version.arn} stays readable: it is shared with everyone"
            elif share.grantee is None:
                yield f"{one.version.arn} has a statement that is not read: {share.statement_id}"
