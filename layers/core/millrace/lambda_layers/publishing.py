"""Publishing a built layer by its content: what would be done, region by region.

A version whose description names the tree is that tree; where there is one, nothing is published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers.inventory import LayerArn, LayerVersion
from millrace.lambda_layers.manifest import Manifest, describe, holding
from millrace.lambda_layers.tree import UPLOAD_BYTES
from millrace.plans.plan import Plan, State, Step

KIND = "layers.publish"
PUBLISH = "publish-layer-version"
PUT_MANIFEST = "put-manifest"
# What the steps need beside their target.
CONTENT = ("identity", "description", "runtimes", "architectures", "license", "content.sha256")
NAMES = ("layer", "identity", "kind", "bucket", "name", "tree", "runtime", "architecture")
NEEDED = {PUBLISH: CONTENT, PUT_MANIFEST: (*NAMES, "unzipped_bytes")}
GOOD_FOR_MS = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class Artefact:
    """A layer as `millrace layers build` left it."""

    zip: str
    zip_sha256: str
    zipped: int
    unzipped: int
    tree: str
    runtime: str
    architecture: str

    @property
    def identity(self) -> str:
        """What its content is known by."""
        return f"tree={self.tree}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where manifests go: SSM parameters or S3 objects below a prefix."""

    kind: str
    bucket: str
    prefix: str

    def name(self, region: str, layer: str, runtime: str, architecture: str) -> str:
        """The parameter's name, or the object's key."""
        name = f"{layer}/{runtime}/{architecture}"
        if self.kind == "ssm":
            return f"{self.prefix.rstrip('/')}/{name}"
        return "/".join(part for part in (self.prefix.strip("/"), region, f"{name}.json") if part)

    def target(self, name: str) -> str:
        """The place of one manifest, as plans name it."""
        return f"ssm:{name}" if self.kind == "ssm" else f"s3://{self.bucket}/{name}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to publish, and under which name.

    Attributes:
        about: what stands before tree and commit in the description.
        bucket: where a zip goes that is too large to be sent; `{region}` in it is the region.
    """

    layer: str
    artefact: Artefact
    commit: str | None = None
    about: str = ""
    license_info: str = ""
    bucket: str | None = None
    manifest: Place | None = None


@dataclass(frozen=True, slots=True)
class There:
    """What a region has already: the layer's versions, and the manifest's text, if there is one."""

    region: str
    versions: tuple[LayerVersion, ...]
    manifest: str | None = None


def artefact(report: Mapping[str, Any], path: str, zip_sha256: str, zipped: int) -> Artefact:
    """A built layer. Raises LayerError where zip and report do not belong together."""
    try:
        found = Artefact(
            zip=path,
            zip_sha256=str(report["zip_sha256"]),
            zipped=zipped,
            unzipped=int(report["after"]),
            tree=str(report["tree"]),
            runtime=str(report["runtime"]),
            architecture=str(report["architecture"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LayerError(
            f"The report beside {path} is none of millrace layers build: {error!r}. Build the layer"
            " again."
        ) from error
    if found.zip_sha256 != zip_sha256:
        raise LayerError(
            f"{path} is not the zip that its report.json is of (SHA-256 {zip_sha256[:12]}, not"
            f" {found.zip_sha256[:12]}). Build the layer again."
        )
    return found


def place(text: str) -> Place:
    """Where manifests go. Raises ConfigurationError.

    >>> place("ssm:/millrace/layers").name("eu-west-1", "deps", "python3.13", "arm64")
    '/millrace/layers/deps/python3.13/arm64'
    """
    kind, _, rest = text.partition(":")
    if kind == "ssm" and rest.startswith("/"):
        return Place("ssm", "", rest)
    bucket, _, prefix = rest.removeprefix("//").partition("/")
    if kind == "s3" and rest.startswith("//") and bucket:
        return Place("s3", bucket, prefix)
    raise ConfigurationError(
        f"--manifest {text!r} is no place for one; ssm:/PREFIX and s3://BUCKET/PREFIX are."
    )


def plan(wanted: Wanted, account: str, partition: str, there: Sequence[There], now_ms: int) -> Plan:
    """The plan that publishes what is not there. Raises ConfigurationError for what cannot be."""
    artefact = wanted.artefact
    if artefact.zipped > UPLOAD_BYTES and not wanted.bucket:
        raise ConfigurationError(
            f"The zip has {artefact.zipped:,} bytes; above {UPLOAD_BYTES:,} it must go through S3."
            " Name a bucket in each region with --bucket (layers-{region})."
        )
    layers = [LayerArn(partition, one.region, account, wanted.layer) for one in there]
    steps = [
        step
        for layer, one in zip(layers, there, strict=True)
        for step in _steps(wanted, layer, one)
    ]
    return Plan(
        kind=KIND,
        account=account,
        regions=tuple(one.region for one in there),
        made_ms=now_ms,
        expires_ms=now_ms + GOOD_FOR_MS,
        asked={"layer": wanted.layer, "tree": artefact.tree, "commit": wanted.commit},
        steps=tuple(steps),
        notes=tuple(_notes(wanted, there)),
    )


def manifest_state(text: str | None, current: LayerVersion | None) -> dict[str, Any]:
    """How a manifest is: whether it names the version that holds the tree, and which it named."""
    arn = _arn_in(text)
    return {"current": current is not None and arn == str(current.arn), "was": arn}


def manifest(arguments: State, version: LayerVersion) -> Manifest:
    """What the manifest of a version says."""
    return Manifest(
        layer=version.arn.name,
        arn=str(version.arn),
        tree=arguments["tree"],
        commit=arguments["commit"],
        runtime=arguments["runtime"],
        architecture=arguments["architecture"],
        unzipped=arguments["unzipped_bytes"],
    )


def _steps(wanted: Wanted, layer: LayerArn, there: There) -> Iterator[Step]:
    current = holding(there.versions, wanted.artefact.identity)
    needs: tuple[str, ...] = ()
    if current is None:
        first = _publish(wanted, layer)
        needs = (first.id,)
        yield first
    state = manifest_state(there.manifest, current)
    if wanted.manifest is not None and not state["current"]:
        yield _put_manifest(wanted, wanted.manifest, layer, state, needs)


def _publish(wanted: Wanted, layer: LayerArn) -> Step:
    artefact = wanted.artefact
    content = {"zip": artefact.zip, "sha256": artefact.zip_sha256}
    if wanted.bucket and artefact.zipped > UPLOAD_BYTES:
        content["bucket"] = wanted.bucket.replace("{region}", layer.region)
    return Step(
        id=f"{layer.region}:publish",
        action=PUBLISH,
        target=str(layer),
        region=layer.region,
        why=f"no version of {layer.name} there holds tree {artefact.tree[:12]}",
        before={"published": False},
        after={"published": True},
        arguments={
            "identity": artefact.identity,
            "description": describe(artefact.tree, wanted.commit, wanted.about),
            "runtimes": [artefact.runtime],
            "architectures": [artefact.architecture],
            "license": wanted.license_info,
            "content": content,
        },
    )


def _put_manifest(
    wanted: Wanted, place: Place, layer: LayerArn, state: State, needs: tuple[str, ...]
) -> Step:
    artefact = wanted.artefact
    name = place.name(layer.region, layer.name, artefact.runtime, artefact.architecture)
    return Step(
        id=f"{layer.region}:manifest",
        action=PUT_MANIFEST,
        target=place.target(name),
        region=layer.region,
        why=f"it names {state['was'] or 'no version'}, not the one with tree {artefact.tree[:12]}",
        before={"was": state["was"]},
        after={"current": True},
        arguments={
            "layer": layer.name,
            "identity": artefact.identity,
            "kind": place.kind,
            "bucket": place.bucket,
            "name": name,
            "tree": artefact.tree,
            "commit": wanted.commit,
            "runtime": artefact.runtime,
            "architecture": artefact.architecture,
            "unzipped_bytes": artefact.unzipped,
        },
        needs=needs,
    )


def _notes(wanted: Wanted, there: Sequence[There]) -> Iterator[str]:
    for one in there:
        current = holding(one.versions, wanted.artefact.identity)
        if current is not None:
            yield f"{current.arn} holds this tree already"


def _arn_in(text: str | None) -> str | None:
    try:
        found = json.loads(text or "{}").get("arn")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
