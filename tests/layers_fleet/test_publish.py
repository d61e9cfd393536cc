"""`millrace layers publish` against an emulated cloud: once for each content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import manifest, publishing
from millrace.lambda_layers.inventory import LayerArn, LayerVersion
from millrace.lambda_layers.publishing import Artefact, There, Wanted
from millrace.lambda_layers.tree import UPLOAD_BYTES

from localcloud.faults.loading import parse
from localcloud.lambda_control.running import LambdaCloud
from tests.layers_fleet.building import built
from tests.layers_fleet.typing_commands import Commands

PLACE = "ssm:/millrace/layers"
REGIONS = ("--region", "eu-west-1", "--region", "us-east-1")


@pytest.fixture
def folder(tmp_path: Path, millrace: Commands) -> Path:
    millrace.environment["MILLRACE_PLANS"] = str(tmp_path / "plans")
    return built(tmp_path / "build")


def versions(cloud: LambdaCloud, region: str = "eu-west-1") -> list[dict[str, Any]]:
    found = cloud.client(region=region).list_layer_versions(LayerName="deps")["LayerVersions"]
    return list(found)


def parameter(cloud: LambdaCloud, region: str = "eu-west-1") -> dict[str, Any]:
    name = "/millrace/layers/deps/python3.13/arm64"
    answer = cloud.client("ssm", region=region).get_parameter(Name=name)
    found: dict[str, Any] = json.loads(answer["Parameter"]["Value"])
    return found


def test_by_default_nothing_is_published(
    cloud: LambdaCloud, millrace: Commands, folder: Path
) -> None:
    done = millrace("layers", "publish", folder, "--name", "deps", "--manifest", PLACE)
    assert done.status == 0, done.err
    assert versions(cloud) == []
    assert "+ publish-layer-version" in done.out
    assert "LAYER_SHA=" in done.out


def test_a_tree_is_published_once_in_each_region_with_its_manifest(
    cloud: LambdaCloud, millrace: Commands, folder: Path
) -> None:
    command = ("layers", "publish", folder, "--name", "deps", *REGIONS, "--manifest", PLACE)
    options = ("--commit", "abc1234", "--about", "Our deps", "--execute", "--json")
    done = millrace(*command, *options)
    assert done.status == 0, done.err
    tree = done.document["layer_sha"]
    for region in ("eu-west-1", "us-east-1"):
        (version,) = versions(cloud, region)
        assert version["Description"] == f"Our deps tree={tree} commit=abc1234"
        assert version["CompatibleRuntimes"] == ["python3.13"]
        assert version["CompatibleArchitectures"] == ["arm64"]
        found = parameter(cloud, region)
        assert (found["arn"], found["tree"], found["commit"]) == (
            version["LayerVersionArn"], tree, "abc1234",
        )  # fmt: skip
        assert done.document["arns"][region] == version["LayerVersionArn"]
    again = millrace(*command, "--commit", "def5678", "--execute", "--json")
    assert again.document["plan"]["steps"] == []
    assert "holds this tree already" in again.document["plan"]["notes"][0]
    assert len(versions(cloud)) == 1


def test_another_tree_is_another_version_and_the_manifest_follows(
    cloud: LambdaCloud, millrace: Commands, folder: Path, tmp_path: Path
) -> None:
    command = ("--name", "deps", "--manifest", PLACE, "--execute")
    millrace("layers", "publish", folder, *command)
    other = built(tmp_path / "other", b"another zip")
    assert millrace("layers", "publish", other, *command).status == 0
    assert [one["Version"] for one in versions(cloud)] == [2, 1]
    assert parameter(cloud)["arn"].endswith(":2")
    # Back to the first tree: nothing to publish, but the manifest is another.
    back = millrace("layers", "publish", folder, *command, "--json")
    assert [step["action"] for step in back.document["plan"]["steps"]] == ["put-manifest"]
    assert parameter(cloud)["arn"].endswith(":1")


def test_a_manifest_may_be_an_object(cloud: LambdaCloud, millrace: Commands, folder: Path) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(
        Bucket="manifests", CreateBucketConfiguration={"LocationConstraint": cloud.region}
    )
    place = "s3://manifests/layers"
    done = millrace("layers", "publish", folder, "--name", "deps", "--manifest", place, "--execute")
    assert done.status == 0, done.err
    key = "layers/eu-west-1/deps/python3.13/arm64.json"
    body = json.loads(s3.get_object(Bucket="manifests", Key=key)["Body"].read())
    assert body["arn"] == versions(cloud)[0]["LayerVersionArn"]


def test_a_lost_answer_publishes_no_second_version(
    cloud: LambdaCloud, millrace: Commands, folder: Path, tmp_path: Path
) -> None:
    """The answer is lost and every repeat fails: the next run finds what the first one did."""
    rules = [
        {"service": "lambda", "operation": "PublishLayerVersion", "calls": [1], "when": "after",
         "error": "InvalidParameterValueException", "status": 400},
    ]  # fmt: skip
    cloud.control.faults.use(parse({"rule": rules}))
    path = tmp_path / "plan.json"
    millrace("layers", "publish", folder, "--name", "deps", "--manifest", PLACE, "--output", path)
    assert millrace("layers", "apply", path, "--execute").status == 1
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 0, done.err
    assert len(versions(cloud)) == 1
    assert parameter(cloud)["arn"].endswith(":1")


def test_a_version_that_was_deleted_after_it_was_published_is_named(
    cloud: LambdaCloud, millrace: Commands, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "publish", folder, "--name", "deps", "--manifest", PLACE, "--output", path)
    assert cloud.client("ssm").describe_parameters()["Parameters"] == []
    # Stops between the two steps.
    rule = {"service": "lambda", "operation": "ListLayerVersions", "calls": [5]}
    fault = {"error": "InvalidParameterValueException", "status": 400}
    cloud.control.faults.use(parse({"rule": [{**rule, **fault}]}))
    stopped = millrace("layers", "apply", path, "--execute")
    assert stopped.status == 1
    assert len(versions(cloud)) == 1
    cloud.client().delete_layer_version(LayerName="deps", VersionNumber=1)
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 1
    assert "it was deleted after it was published" in done.err
    assert cloud.client("ssm").describe_parameters()["Parameters"] == []


def test_a_zip_that_changed_after_the_plan_is_not_published(
    cloud: LambdaCloud, millrace: Commands, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "publish", folder, "--name", "deps", "--output", path)
    built(folder, b"rebuilt since")
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 1
    assert "is not what the plan was made for" in done.err
    assert versions(cloud) == []


def test_who_may_not_publish_is_told_and_nothing_is_half_done(
    cloud: LambdaCloud, millrace: Commands, folder: Path
) -> None:
    cloud.world.denied.add(("*", "*", "PublishLayerVersion"))
    done = millrace("layers", "publish", folder, "--name", "deps", "--manifest", PLACE, "--execute")
    assert done.status == 1
    assert "lambda:PublishLayerVersion in eu-west-1 is not allowed" in done.err
    assert cloud.client("ssm").describe_parameters()["Parameters"] == []


def test_what_is_no_build_is_refused(millrace: Commands, folder: Path, tmp_path: Path) -> None:
    command = ("layers", "publish", tmp_path / "none", "--name", "deps")
    assert "holds no built layer" in millrace(*command).err
    (folder / "layer.zip").write_bytes(b"tampered")
    done = millrace("layers", "publish", folder, "--name", "deps")
    assert (done.status, "is not the zip that its report.json is of" in done.err) == (1, True)
    wrong = millrace("layers", "publish", folder, "--name", "deps", "--manifest", "disk:/x")
    assert wrong.status in (1, 2)


# ---- the pure half ------------------------------------------------------------------------------

ARTEFACT = Artefact("layer.zip", "e" * 64, UPLOAD_BYTES + 1, 9, "f" * 64, "python3.13", "arm64")


def test_a_name_that_no_layer_can_have(millrace: Commands, folder: Path) -> None:
    done = millrace("layers", "publish", folder, "--name", "our deps")
    assert (done.status, "no layer's name" in done.err) == (2, True), done.err


def test_a_large_zip_goes_through_the_bucket_of_its_region() -> None:
    there = [There("eu-west-1", ()), There("us-east-1", ())]
    with pytest.raises(ConfigurationError, match="must go through S3"):
        publishing.plan(Wanted("deps", ARTEFACT), "1" * 12, "aws", there, 0)
    wanted = Wanted("deps", ARTEFACT, bucket="layers-{region}")
    plan = publishing.plan(wanted, "1" * 12, "aws", there, 0)
    buckets = [step.arguments["content"]["bucket"] for step in plan.steps]
    assert buckets == ["layers-eu-west-1", "layers-us-east-1"]


def test_the_newest_of_several_versions_with_a_tree_is_the_one() -> None:
    arn = LayerArn("aws", "r-1", "1" * 12, "deps")
    text = manifest.describe("f" * 64, None)
    some = [
        LayerVersion(LayerArn("aws", "r-1", "1" * 12, "deps", number), 0, text)
        for number in (3, 9, 5)
    ]
    found = manifest.holding(some, f"tree={'f' * 64}")
    assert found is not None
    assert found.arn.version == 9
    assert manifest.holding(some, f"tree={'e' * 64}") is None
    assert arn.version == 0


def test_descriptions_hold_tree_and_commit_or_are_refused() -> None:
    text = manifest.describe("a" * 64, "abc1234", "About")
    assert (manifest.tree_of(text), manifest.commit_of(text)) == ("a" * 64, "abc1234")
    with pytest.raises(ConfigurationError, match="Shorten --about"):
        manifest.describe("a" * 64, "b" * 40, "x" * 200)
    with pytest.raises(ConfigurationError, match="is no commit"):
        manifest.describe("a" * 64, "main")
    with pytest.raises(LayerError):
        manifest.describe("abc", None)
    long = manifest.copied("y" * 256, "c" * 64)
    assert len(long) == 256
    assert manifest.identity_of(long) == f"zip={'c' * 64}"
