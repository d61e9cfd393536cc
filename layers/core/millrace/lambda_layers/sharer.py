"""Who may read which layer version: looked up, granted and taken back."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from millrace.errors import ConfigurationError, LayerError, WriteConflict
from millrace.lambda_layers import sharing
from millrace.lambda_layers.aws import LambdaAccount, parallel
from millrace.lambda_layers.inventory import LayerArn, LayerVersion, layer_arn
from millrace.lambda_layers.manifest import holding
from millrace.lambda_layers.policies import Grantee, Share
from millrace.lambda_layers.prune import policy_of, shares_of
from millrace.lambda_layers.publisher import Publisher
from millrace.lambda_layers.publishing import PUBLISH
from millrace.lambda_layers.sharing import Shared, Source
from millrace.lambda_layers.tree import UPLOAD_BYTES
from millrace.plans.approval import asked_for
from millrace.plans.plan import Plan, State, Step


def prepare(
    account: LambdaAccount,
    layer: LayerArn,
    to: Sequence[Grantee],
    regions: Sequence[str],
    now_ms: int,
    *,
    bucket: str | None = None,
    needs_approval: bool = False,
) -> Plan:
    """What sharing a version takes (the newest, where none is named). Raises MillraceErrors."""
    source = _source(account, layer)
    if source.zipped > UPLOAD_BYTES and not bucket and set(regions) - {layer.region}:
        raise ConfigurationError(
            f"{source.version.arn} has {source.zipped:,} bytes zipped; above {UPLOAD_BYTES:,} a"
            " copy must go through S3. Name a bucket in each region with --bucket"
            " (layers-{region})."
        )

    def look(region: str) -> tuple[str, Sequence[LayerVersion], Sequence[Share]]:
        versions = account.layer_versions(region, layer.name)
        local = sharing.local_version(source.version, source.identity, region, versions)
        return region, versions, shares_of(account, local.arn) if local else ()

    there = parallel(look, regions)
    via = bucket if source.zipped > UPLOAD_BYTES else None
    plan = sharing.share_plan(source, there, to, now_ms, via)
    return asked_for(plan, account.identity["Arn"]) if needs_approval else plan


def prepare_revoking(
    account: LambdaAccount,
    layer: LayerArn,
    of: Sequence[Grantee],
    regions: Sequence[str],
    now_ms: int,
    *,
    needs_approval: bool = False,
) -> Plan:
    """What taking it back takes, of one version or of all. Raises MillraceErrors."""
    found = listed(account, layer, regions)
    plan = sharing.revoke_plan(layer, found, of, regions, now_ms)
    return asked_for(plan, account.identity["Arn"]) if needs_approval else plan


def listed(account: LambdaAccount, layer: LayerArn, regions: Sequence[str]) -> list[Shared]:
    """With whom the versions of a layer are shared, in each region.

    A version is looked for by its number in its own region, by its content in the others.
    """
    known = account.layer_versions(layer.region, layer.name)
    if not known:
        _numbered(known, layer)  # what nobody can have is not taken back in silence
    source = _numbered(known, layer) if layer.version else None
    identity = _source(account, layer).identity if layer.version else ""

    def wanted(region: str) -> list[LayerVersion]:
        there = known if region == layer.region else account.layer_versions(region, layer.name)
        if source is None:
            return list(there)
        local = sharing.local_version(source, identity, region, there)
        return [local] if local else []

    versions = [one for some in parallel(wanted, regions) for one in some]
    shares = parallel(lambda one: shares_of(account, one.arn), versions)
    return [Shared(one, found) for one, found in zip(versions, shares, strict=True)]


def _source(account: LambdaAccount, layer: LayerArn) -> Source:
    versions = account.layer_versions(layer.region, layer.name)
    found = _numbered(versions, layer)
    members = {"LayerName": layer.name, "VersionNumber": found.arn.version}
    content = account.call("lambda:GetLayerVersion", layer.region, members)["Content"]
    return Source(found, hex_digest(content["CodeSha256"]), content["CodeSize"])


def _numbered(versions: Sequence[LayerVersion], layer: LayerArn) -> LayerVersion:
    if not versions:
        raise LayerError(
            f"There is no layer {layer.name} in {layer.region} of account {layer.account}. Publish"
            " it (millrace layers publish), or name another region."
        )
    if not layer.version:
        return max(versions, key=lambda one: one.arn.version)
    for one in versions:
        if one.arn.version == layer.version:
            return one
    newest = max(one.arn.version for one in versions)
    raise LayerError(
        f"There is no version {layer.version} of {layer.name} in {layer.region}; the newest is"
        f" {newest}. It may have been deleted."
    )


def hex_digest(text: str) -> str:
    """A hash as Lambda writes it, as everybody else does."""
    return base64.b64decode(text).hex()


@dataclass(frozen=True, slots=True)
class Sharer:
    """Performs the steps of plans of `sharing`."""

    cloud: LambdaAccount

    @property
    def account(self) -> str:
        """See Performer."""
        return self.cloud.account

    def observe(self, step: Step) -> State:
        """See Performer."""
        if step.action == PUBLISH:
            return Publisher(self.cloud).observe(step)
        if step.action == sharing.TAKE:
            wanted = step.arguments["statement_id"]
            found = shares_of(self.cloud, layer_arn(step.target))
            return {"statement": next((o.text for o in found if o.statement_id == wanted), None)}
        grantee = Grantee(**step.arguments["grantee"])
        found = shares_of(self.cloud, self._version(step))
        return {"shared": any(one.grantee == grantee for one in found)}

    def perform(self, step: Step) -> State:
        """See Performer."""
        if step.action == PUBLISH:
            return Publisher(self.cloud).perform(step)
        if step.action == sharing.TAKE:
            return self._take(step)
        return self._grant(step)

    def _grant(self, step: Step) -> State:
        arn, grantee = self._version(step), Grantee(**step.arguments["grantee"])
        _, revision = policy_of(self.cloud, arn)
        members = {
            "LayerName": arn.name,
            "VersionNumber": arn.version,
            "StatementId": grantee.statement_id,
            "Action": "lambda:GetLayerVersion",
            **grantee.members,
            **({"RevisionId": revision} if revision else {}),
        }
        self.cloud.call("lambda:AddLayerVersionPermission", step.region, members)
        return {"arn": str(arn), "statement_id": grantee.statement_id}

    def _take(self, step: Step) -> State:
        arn, action = layer_arn(step.target), "lambda:RemoveLayerVersionPermission"
        before = policy_of(self.cloud, arn)
        members = {
            "LayerName": arn.name,
            "VersionNumber": arn.version,
            "StatementId": step.arguments["statement_id"],
        }
        try:
            self.cloud.call(action, step.region, {**members, "RevisionId": before[1]})
        except WriteConflict:
            # moto takes no revision for the latest. Where nothing is another, nobody changed it.
            if policy_of(self.cloud, arn) != before:
                raise
            self.cloud.call(action, step.region, members)
        return {"taken": step.arguments["statement_id"]}

    def _version(self, step: Step) -> LayerArn:
        """The version that a grant is for. Raises LayerError where it is gone."""
        arn = layer_arn(step.target)
        versions = self.cloud.layer_versions(step.region, arn.name)
        if arn.version:
            there = any(one.arn == arn for one in versions)
            found = arn if there else None
        else:
            held = holding(versions, step.arguments["identity"])
            found = held.arn if held else None
        if found is None:
            raise LayerError(
                f"{arn} is not there: it was deleted since the plan was made, or after the journal"
                " noted it. Make the plan again."
            )
        return found
