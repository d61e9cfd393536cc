"""Publishing layer versions, and the manifests that say where they are."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError, LayerError, Unavailable
from millrace.lambda_layers import publishing
from millrace.lambda_layers.aws import Gone, LambdaAccount, Maker, parallel
from millrace.lambda_layers.inventory import LayerVersion, layer_arn, require_layer_name
from millrace.lambda_layers.manifest import holding
from millrace.lambda_layers.publishing import Artefact, There, Wanted
from millrace.plans.approval import asked_for
from millrace.plans.plan import Plan, State, Step

_DOWNLOAD_S = 120
# What a LambdaAccount needs for a Publisher, beside what it always has.
MAKERS: Mapping[str, Maker] = {
    "s3": lambda session, **where: session.client("s3", **where),
    "ssm": lambda session, **where: session.client("ssm", **where),
}


def read_artefact(folder: Path) -> Artefact:
    """The layer that `millrace layers build` left in a folder.

    Raises ConfigurationError where there is none, LayerError for one that does not fit together.
    """
    path = folder / "layer.zip"
    try:
        content = path.read_bytes()
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{folder} holds no built layer: {error.filename} {error.strerror}. Name the --output"
            " of millrace layers build."
        ) from error
    except ValueError as error:
        raise LayerError(f"{folder}/report.json cannot be read: {error}. Build again.") from error
    digest = hashlib.sha256(content).hexdigest()
    return publishing.artefact(report, str(path.resolve()), digest, len(content))


def prepare(
    account: LambdaAccount,
    wanted: Wanted,
    regions: Sequence[str],
    now_ms: int,
    *,
    needs_approval: bool = False,
) -> Plan:
    """What is to be published where. Raises MillraceErrors."""
    require_layer_name(wanted.layer)
    there = parallel(lambda region: _there(account, wanted, region), regions)
    made = publishing.plan(wanted, account.account, account.partition, there, now_ms)
    return asked_for(made, account.identity["Arn"]) if needs_approval else made


def current(account: LambdaAccount, wanted: Wanted, regions: Sequence[str]) -> dict[str, str]:
    """The version that holds the tree in each region where there is one."""
    identity = wanted.artefact.identity
    found = parallel(
        lambda region: holding(account.layer_versions(region, wanted.layer), identity), regions
    )
    return {one.arn.region: str(one.arn) for one in found if one is not None}


def _there(account: LambdaAccount, wanted: Wanted, region: str) -> There:
    versions = tuple(account.layer_versions(region, wanted.layer))
    place, artefact = wanted.manifest, wanted.artefact
    if place is None:
        return There(region, versions)
    name = place.name(region, wanted.layer, artefact.runtime, artefact.architecture)
    return There(region, versions, read_manifest(account, region, place.kind, place.bucket, name))


def read_manifest(
    account: LambdaAccount, region: str, kind: str, bucket: str, name: str
) -> str | None:
    """A manifest's text, None where there is none."""
    try:
        if kind == "ssm":
            answer = account.call("ssm:GetParameter", region, {"Name": name})
            return str(answer["Parameter"]["Value"])
        answer = account.call("s3:GetObject", region, {"Bucket": bucket, "Key": name})
        return str(answer["Body"].read().decode())
    except Gone:
        return None


@dataclass(frozen=True, slots=True)
class Publisher:
    """Performs the steps of a plan of `publishing`."""

    cloud: LambdaAccount

    @property
    def account(self) -> str:
        """See Performer."""
        return self.cloud.account

    def observe(self, step: Step) -> State:
        """See Performer."""
        given = step.arguments
        if step.action == publishing.PUBLISH:
            held = self._held(step.region, layer_arn(step.target).name, given)
            return {"published": held is not None}
        held = self._held(step.region, given["layer"], given)
        text = read_manifest(self.cloud, step.region, given["kind"], given["bucket"], given["name"])
        return publishing.manifest_state(text, held)

    def perform(self, step: Step) -> State:
        """See Performer."""
        if step.action == publishing.PUBLISH:
            return self._publish(step)
        return self._put_manifest(step)

    def _held(self, region: str, layer: str, given: State) -> LayerVersion | None:
        return holding(self.cloud.layer_versions(region, layer), given["identity"])

    def _publish(self, step: Step) -> State:
        given = step.arguments
        content = self._content(given["content"])
        members: dict[str, Any] = {
            "LayerName": layer_arn(step.target).name,
            "Description": given["description"],
            "Content": self._sent(content, given["content"], step.region),
            "CompatibleRuntimes": given["runtimes"],
            "CompatibleArchitectures": given["architectures"],
        }
        if given["license"]:
            members["LicenseInfo"] = given["license"]
        answer = self.cloud.call("lambda:PublishLayerVersion", step.region, members)
        if answer["Content"]["CodeSha256"] != _base64(given["content"]["sha256"]):
            raise LayerError(
                f"{answer['LayerVersionArn']} holds other bytes than were sent. Delete it, and"
                " publish again."
            )
        return {"arn": answer["LayerVersionArn"], "version": answer["Version"]}

    def _content(self, content: Mapping[str, str]) -> bytes:
        """The bytes that the plan means, and no others."""
        if "copy" in content:
            found, source = download(self.cloud, content["copy"]), content["copy"]
        else:
            source = content["zip"]
            try:
                found = Path(source).read_bytes()
            except OSError as error:
                raise ConfigurationError(
                    f"{source}, which the plan publishes, cannot be read: {error.strerror}."
                    " Build the layer again."
                ) from error
        if hashlib.sha256(found).hexdigest() != content["sha256"]:
            raise LayerError(
                f"{source} is not what the plan was made for: its SHA-256 is another. Make the plan"
                " again."
            )
        return found

    def _sent(self, content: bytes, given: Mapping[str, str], region: str) -> dict[str, Any]:
        bucket = given.get("bucket")
        if not bucket:
            return {"ZipFile": content}
        key = f"layers/{given['sha256']}.zip"
        members = {"Bucket": bucket, "Key": key, "Body": content}
        self.cloud.call("s3:PutObject", region, members)
        return {"S3Bucket": bucket, "S3Key": key}

    def _put_manifest(self, step: Step) -> State:
        given = step.arguments
        version = self._held(step.region, given["layer"], given)
        if version is None:
            raise LayerError(
                f"No version of {given['layer']} in {step.region} holds tree {given['tree'][:12]}:"
                " it was deleted after it was published. Make the plan again, which publishes it"
                " anew."
            )
        text = json.dumps(publishing.manifest(given, version).document, sort_keys=True)
        if given["kind"] == "ssm":
            members = {"Name": given["name"], "Value": text, "Type": "String", "Overwrite": True}
            self.cloud.call("ssm:PutParameter", step.region, members)
        else:
            self.cloud.call(
                "s3:PutObject",
                step.region,
                {"Bucket": given["bucket"], "Key": given["name"], "Body": text.encode()},
            )
        return {"arn": str(version.arn)}


def download(account: LambdaAccount, arn: str) -> bytes:
    """The zip of a layer version. Raises MillraceErrors."""
    where = layer_arn(arn)
    members = {"LayerName": where.name, "VersionNumber": where.version}
    answer = account.call("lambda:GetLayerVersion", where.region, members)
    location = answer["Content"]["Location"]
    try:
        # An address that Lambda has just given out, signed for this version.
        with urllib.request.urlopen(location, timeout=_DOWNLOAD_S) as response:  # noqa: S310
            content: bytes = response.read()
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)  # the address itself would let anybody read it
        raise Unavailable(f"The content of {arn} cannot be downloaded: {reason}") from None
    return content


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()
