"""Operations on layers and their versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.lambda_control.errors import (
    Conflict,
    InvalidValue,
    NotFound,
    PolicyTooLong,
    StaleRevision,
)
from localcloud.lambda_control.names import LayerName, Where, layer_name
from localcloud.lambda_control.paging import answer, page
from localcloud.lambda_control.state import Layer, LayerVersion, World, denied, revision

Members = Mapping[str, Any]
_POLICY_BYTES = 20_480


def publish(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """PublishLayerVersion."""
    named = _own(members["LayerName"], caller, "PublishLayerVersion")
    content = _content(world, caller, members["Content"])
    layer = world.home(caller).layers.setdefault(named.name, Layer(named.name))
    layer.last += 1
    version = LayerVersion(
        number=layer.last,
        created=world.stamp(),
        description=members.get("Description", ""),
        runtimes=tuple(members.get("CompatibleRuntimes", ())),
        architectures=tuple(members.get("CompatibleArchitectures", ())),
        license_info=members.get("LicenseInfo", ""),
        content=content,
    )
    layer.versions[version.number] = version
    return _whole(named, version)


def get(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """GetLayerVersion."""
    named = layer_name(members["LayerName"], caller)
    return _whole(named, _version(world, caller, named, members["VersionNumber"]))


def get_by_arn(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """GetLayerVersionByArn."""
    named = layer_name(members["Arn"], caller)
    return _whole(named, _version(world, caller, named, named.version or 0))


def delete(world: World, caller: Where, members: Members) -> None:
    """DeleteLayerVersion; to delete what is not there is no error."""
    named = _own(members["LayerName"], caller, "DeleteLayerVersion")
    layer = world.home(caller).layers.get(named.name)
    if layer is not None:
        layer.versions.pop(members["VersionNumber"], None)


def list_layers(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """ListLayers: each with its latest version; one whose versions are all gone is not there."""
    home = world.home(caller)

    def rows() -> Iterator[tuple[str, dict[str, Any]]]:
        for name, layer in home.layers.items():
            fitting = [one for one in layer.versions.values() if _fits(one, members)]
            if fitting:
                latest = max(fitting, key=lambda one: one.number)
                arn = caller.arn("layer", name)
                yield (
                    name,
                    {
                        "LayerName": name,
                        "LayerArn": arn,
                        "LatestMatchingVersion": _listed(LayerName(caller, name), latest),
                    },
                )

    return answer("Layers", *page(rows(), members, "layers"))


def list_versions(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """ListLayerVersions, the newest first."""
    named = _own(members["LayerName"], caller, "ListLayerVersions")
    layer = world.home(caller).layers.get(named.name)
    versions = layer.versions.values() if layer else ()
    rows = (
        (f"{10**12 - one.number:013d}", _listed(named, one))
        for one in versions
        if _fits(one, members)
    )
    return answer("LayerVersions", *page(rows, members, f"versions of {named.name}"))


def get_policy(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """GetLayerVersionPolicy; a version that is not shared has none."""
    _, version = _owned(world, caller, members, "GetLayerVersionPolicy")
    if not version.policy.statements:
        raise NotFound("No policy is associated with the given resource.")
    return {
        "Policy": _document(list(version.policy.statements.values())),
        "RevisionId": version.policy.revision,
    }


def add_permission(world: World, caller: Where, members: Members) -> dict[str, Any]:
    """AddLayerVersionPermission."""
    named, version = _owned(world, caller, members, "AddLayerVersionPermission")
    policy, sid = version.policy, members["StatementId"]
    _require_revision(members, policy.revision)
    if sid in policy.statements:
        raise Conflict(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement."
        )
    statement = _statement(named, members)
    statements = [*policy.statements.values(), statement]
    if len(_document(statements)) > _POLICY_BYTES:
        raise PolicyTooLong(f"The final policy size is bigger than the limit ({_POLICY_BYTES}).")
    policy.statements[sid] = statement
    policy.revision = revision()
    return {"Statement": json.dumps(statement), "RevisionId": policy.revision}


def remove_permission(world: World, caller: Where, members: Members) -> None:
    """RemoveLayerVersionPermission."""
    _, version = _owned(world, caller, members, "RemoveLayerVersionPermission")
    policy = version.policy
    if members["StatementId"] not in policy.statements:
        raise NotFound(f"Statement {members['StatementId']} is not found in resource policy.")
    _require_revision(members, policy.revision)
    del policy.statements[members["StatementId"]]
    policy.revision = revision()


def _require_revision(members: Members, latest: str) -> None:
    if members.get("RevisionId") and members["RevisionId"] != latest:
        raise StaleRevision


def _statement(named: LayerName, members: Members) -> dict[str, Any]:
    principal, organization = members["Principal"], members.get("OrganizationId")
    if organization and principal != "*":
        raise InvalidValue("OrganizationId can only be given with Principal '*'.")
    arn = named.where.arn("layer", f"{named.name}:{members['VersionNumber']}")
    account = principal if principal.startswith("arn:") else f"arn:aws:iam::{principal}:root"
    statement: dict[str, Any] = {
        "Sid": members["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": account},
        "Action": members["Action"],
        "Resource": arn,
    }
    if organization:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organization}}
    return statement


def _document(statements: list[Mapping[str, Any]]) -> str:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return json.dumps(document, separators=(",", ":"))


def _owned(
    world: World, caller: Where, members: Members, operation: str
) -> tuple[LayerName, LayerVersion]:
    named = _own(members["LayerName"], caller, operation)
    return named, _version(world, caller, named, members["VersionNumber"])


def _own(text: str, caller: Where, operation: str) -> LayerName:
    """A layer that is the caller's: nobody else's can be listed or changed."""
    named = layer_name(text, caller)
    if named.where.region != caller.region:
        raise InvalidValue(f"Layer {text} is not in region {caller.region}.")
    if named.where.account != caller.account:
        raise denied(caller, operation, text)
    return named


def _version(world: World, caller: Where, named: LayerName, number: int) -> LayerVersion:
    if named.where.region != caller.region:
        raise InvalidValue(f"Layer {named.name} is not in region {caller.region}.")
    return world.layer_version(named, caller, number)


def _content(world: World, caller: Where, content: Members) -> bytes:
    if "ZipFile" in content:
        return bytes(content["ZipFile"])
    if world.read_object is None or not {"S3Bucket", "S3Key"} <= set(content):
        raise InvalidValue("Please provide a ZipFile, or an S3Bucket and S3Key.")
    return world.read_object(caller.account, content["S3Bucket"], content["S3Key"])


def _fits(version: LayerVersion, members: Members) -> bool:
    runtime = members.get("CompatibleRuntime")
    architecture = members.get("CompatibleArchitecture")
    return (not runtime or runtime in version.runtimes) and (
        not architecture or architecture in version.architectures
    )


def _listed(named: LayerName, version: LayerVersion) -> dict[str, Any]:
    found: dict[str, Any] = {
        "LayerVersionArn": named.where.arn("layer", f"{named.name}:{version.number}"),
        "Version": version.number,
        "Description": version.description,
        "CreatedDate": version.created,
    }
    if version.runtimes:
        found["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures:
        found["CompatibleArchitectures"] = list(version.architectures)
    if version.license_info:
        found["LicenseInfo"] = version.license_info
    return found


def _whole(named: LayerName, version: LayerVersion) -> dict[str, Any]:
    content = {
        # The server puts its own address before it.
        "Location": f"/content/{named.where.region}/{named.where.account}"
        f"/{named.name}/{version.number}",
        "CodeSha256": version.sha256,
        "CodeSize": len(version.content),
    }
    arn = named.where.arn("layer", named.name)
    return {"Content": content, "LayerArn": arn, **_listed(named, version)}
