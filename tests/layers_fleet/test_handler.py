"""lambdas/prune-layers as Lambda loads it, before an emulated cloud."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from millrace.lambda_layers import definition
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import sources
from millrace.lambda_layers.services import used

from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.architecture.source import ROOT
from tests.inference.handling import handler

SAMPLES = sorted((ROOT / "events/prune-layers").glob("*.json"))


@pytest.fixture
def environment(cloud: LambdaCloud) -> dict[str, str]:
    place = {"LocationConstraint": cloud.region}
    cloud.client("s3").create_bucket(Bucket="audit", CreateBucketConfiguration=place)
    for number in range(7):
        seeding.layer(
            cloud.world, cloud.where, "optimized-layer", content=bytes([number]), age_days=20
        )
    return {**cloud.environment, "AUDIT_BUCKET": "audit", "PRUNE_MODE": "execute"}


def test_old_versions_are_deleted_told_and_recorded(
    cloud: LambdaCloud, environment: dict[str, str]
) -> None:
    with handler("prune-layers", environment) as function:
        answer = function({"LayerName": "optimized-layer"})
        printed = function.printed()
    assert answer["deleted_versions"] == 2
    found = cloud.client().list_layer_versions(LayerName="optimized-layer")["LayerVersions"]
    assert [one["Version"] for one in found] == [7, 6, 5, 4, 3]
    (metrics,) = [one for one in printed if "_aws" in one]
    assert metrics["LayerVersionsDeleted"] == [2.0]
    (line,) = [one for one in printed if one.get("message") == "pruned"]
    assert line["report"]["plan"] == answer["plan"]
    prefix = answer["audit"].removeprefix("s3://audit/")
    objects = cloud.client("s3").list_objects_v2(Bucket="audit", Prefix=prefix)["Contents"]
    assert len(objects) == 1 + 2 + 2 * 2  # the plan; begin and end; each deletion twice


@pytest.mark.parametrize("mode", ["plan", "off"])  # off as `sam local invoke` has it by default
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_event_is_answered(
    cloud: LambdaCloud, environment: dict[str, str], path: object, mode: str
) -> None:
    event = json.loads(ROOT.joinpath(str(path)).read_text(encoding="utf-8"))
    with handler("prune-layers", {**environment, "PRUNE_MODE": mode}) as function:
        answer = function(event)
    assert (answer["deleted_versions"], answer["executed"]) == (0, False)
    assert (
        len(cloud.client().list_layer_versions(LayerName="optimized-layer")["LayerVersions"]) == 7
    )


def test_the_layer_of_packages_keeps_the_services_that_it_calls(tmp_path: Path) -> None:
    target = Target("python3.13", "arm64")
    order = definition.read(ROOT / "layers/deps/layer.toml", target, tmp_path)
    called = used(sources(order.code), {}, sources(order.library))
    assert {"lambda", "s3", "sts"} <= set(called.services)
