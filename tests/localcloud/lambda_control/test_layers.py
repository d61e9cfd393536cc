"""Layers, their versions and their policies, as boto3 sees them."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud

OTHER = "210987654321"
SHARE = {"LayerName": "a", "VersionNumber": 1, "Action": "lambda:GetLayerVersion"}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def publish(cloud: LambdaCloud, name: str = "a", content: bytes = b"zip") -> dict[str, Any]:
    answer: dict[str, Any] = cloud.client().publish_layer_version(
        LayerName=name,
        Content={"ZipFile": content},
        CompatibleRuntimes=["python3.13"],
        CompatibleArchitectures=["arm64"],
        Description="said of it",
    )
    return answer


def test_a_version_is_read_as_it_was_published(cloud: LambdaCloud) -> None:
    made = publish(cloud)
    client = cloud.client()
    assert made["LayerVersionArn"] == f"arn:aws:lambda:eu-west-1:{cloud.account}:layer:a:1"
    got = client.get_layer_version(LayerName="a", VersionNumber=1)
    by_arn = client.get_layer_version_by_arn(Arn=made["LayerVersionArn"])
    for found in (got, by_arn):
        assert found["Description"] == "said of it"
        assert found["Content"]["CodeSha256"] == made["Content"]["CodeSha256"]
    with urllib.request.urlopen(got["Content"]["Location"]) as content:
        assert content.read() == b"zip"


def test_a_number_is_never_given_twice_and_a_deletion_may_be_repeated(cloud: LambdaCloud) -> None:
    publish(cloud)
    client = cloud.client()
    for _ in range(2):
        client.delete_layer_version(LayerName="a", VersionNumber=1)
    assert client.list_layers()["Layers"] == []
    assert publish(cloud)["Version"] == 2
    with pytest.raises(ClientError) as error:
        client.get_layer_version(LayerName="a", VersionNumber=1)
    assert code(error) == "ResourceNotFoundException"


def test_listings_come_in_pages_newest_first_and_a_deletion_between_moves_none(
    cloud: LambdaCloud,
) -> None:
    for index in range(120):
        seeding.layer(cloud.world, cloud.where, "a", content=str(index).encode())
    client = cloud.client()
    first = client.list_layer_versions(LayerName="a", MaxItems=7)
    assert [one["Version"] for one in first["LayerVersions"]] == list(range(120, 113, -1))
    client.delete_layer_version(LayerName="a", VersionNumber=114)
    second = client.list_layer_versions(LayerName="a", Marker=first["NextMarker"])
    assert [one["Version"] for one in second["LayerVersions"]] == list(range(113, 63, -1))
    every = client.get_paginator("list_layer_versions").paginate(LayerName="a")
    assert sum(len(page["LayerVersions"]) for page in every) == 119
    with pytest.raises(ClientError) as error:
        client.list_layers(Marker=first["NextMarker"])
    assert code(error) == "InvalidParameterValueException"


def test_only_fitting_versions_are_listed(cloud: LambdaCloud) -> None:
    publish(cloud)
    client = cloud.client()
    assert client.list_layers(CompatibleRuntime="python3.11")["Layers"] == []
    assert client.list_layers(CompatibleArchitecture="arm64")["Layers"][0]["LayerName"] == "a"


def test_a_policy_grows_and_shrinks_under_its_revision(cloud: LambdaCloud) -> None:
    publish(cloud)
    client = cloud.client()
    with pytest.raises(ClientError) as error:
        client.get_layer_version_policy(LayerName="a", VersionNumber=1)
    assert code(error) == "ResourceNotFoundException"
    one = client.add_layer_version_permission(**SHARE, StatementId="s", Principal=OTHER)
    with pytest.raises(ClientError) as error:
        client.add_layer_version_permission(**SHARE, StatementId="s", Principal="*")
    assert code(error) == "ResourceConflictException"
    client.add_layer_version_permission(
        **SHARE, StatementId="o", Principal="*", OrganizationId="o-abcdefghij"
    )
    with pytest.raises(ClientError) as error:
        client.remove_layer_version_permission(
            LayerName="a", VersionNumber=1, StatementId="s", RevisionId=one["RevisionId"]
        )
    assert code(error) == "PreconditionFailedException"
    client.remove_layer_version_permission(LayerName="a", VersionNumber=1, StatementId="s")
    left = json.loads(client.get_layer_version_policy(LayerName="a", VersionNumber=1)["Policy"])
    assert [statement["Sid"] for statement in left["Statement"]] == ["o"]


def test_another_account_reads_what_is_shared_with_it_and_lists_nothing(cloud: LambdaCloud) -> None:
    arn = publish(cloud)["LayerVersionArn"]
    theirs = cloud.client(account=OTHER)
    with pytest.raises(ClientError) as error:
        theirs.get_layer_version_by_arn(Arn=arn)
    assert code(error) == "AccessDeniedException"
    cloud.client().add_layer_version_permission(
        **SHARE, StatementId="o", Principal="*", OrganizationId="o-abcdefghij"
    )
    with pytest.raises(ClientError):
        theirs.get_layer_version_by_arn(Arn=arn)
    cloud.world.organizations[OTHER] = "o-abcdefghij"
    assert theirs.get_layer_version_by_arn(Arn=arn)["Version"] == 1
    with pytest.raises(ClientError) as error:
        theirs.list_layer_versions(LayerName=arn.rpartition(":")[0])
    assert code(error) == "AccessDeniedException"
    assert theirs.list_layers()["Layers"] == []


def test_what_the_model_forbids_is_refused_with_its_member(cloud: LambdaCloud) -> None:
    with pytest.raises(ClientError, match="layerName"):
        cloud.client().list_layer_versions(LayerName="a b")
    publish(cloud)
    with pytest.raises(ClientError, match="principal"):
        cloud.client().add_layer_version_permission(
            **SHARE, StatementId="s", Principal=f"arn:aws:iam::{OTHER}:role/a"
        )


def test_content_may_come_from_a_bucket_of_the_account(cloud: LambdaCloud) -> None:
    s3 = cloud.client("s3")
    place = {"LocationConstraint": cloud.region}
    s3.create_bucket(Bucket="artefacts", CreateBucketConfiguration=place)
    s3.put_object(Bucket="artefacts", Key="layer.zip", Body=b"from there")
    made = cloud.client().publish_layer_version(
        LayerName="a", Content={"S3Bucket": "artefacts", "S3Key": "layer.zip"}
    )
    assert made["Content"]["CodeSize"] == len(b"from there")


def test_accounts_and_regions_are_apart(cloud: LambdaCloud) -> None:
    publish(cloud)
    assert cloud.client(region="us-east-1").list_layers()["Layers"] == []
    seeding.layer(cloud.world, Where(OTHER, "us-east-1"), "theirs")
    (theirs,) = cloud.client(account=OTHER, region="us-east-1").list_layers()["Layers"]
    assert theirs["LayerArn"] == f"arn:aws:lambda:us-east-1:{OTHER}:layer:theirs"
    assert cloud.client("sts", account=OTHER).get_caller_identity()["Account"] == OTHER
