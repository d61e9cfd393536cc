"""Functions, versions, aliases and tags, as boto3 sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from localcloud.faults.loading import parse
from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud
from localcloud.lambda_control.seeding import Fleet


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def refused(expected: str, call: Any, **members: object) -> str:
    with pytest.raises(ClientError) as error:
        call(**members)
    assert code(error) == expected
    return str(error.value)


def test_every_version_is_listed_over_pages_with_its_own_layers(cloud: LambdaCloud) -> None:
    arns = [seeding.layer(cloud.world, cloud.where, "a", content=bytes([n])) for n in range(3)]
    for name in (f"f{index:03d}" for index in range(40)):
        seeding.function(cloud.world, cloud.where, name)
        for arn in arns[:2]:
            seeding.use(cloud.world, cloud.where, name, [arn])
            seeding.publish(cloud.world, cloud.where, name, "live")
        seeding.use(cloud.world, cloud.where, name, [arns[2]])
    client = cloud.client()
    pages = list(client.get_paginator("list_functions").paginate(FunctionVersion="ALL"))
    rows = [one for page in pages for one in page["Functions"]]
    assert [len(page["Functions"]) for page in pages] == [50, 50, 20]
    first = {
        row["Version"]: row["Layers"][0]["Arn"] for row in rows if row["FunctionName"] == "f000"
    }
    assert first == {"$LATEST": arns[2], "1": arns[0], "2": arns[1]}
    assert not {"State", "LastUpdateStatus"} & set(rows[0])
    assert len(client.list_functions()["Functions"]) == 40
    versions = client.list_versions_by_function(FunctionName="f000")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1", "2"]
    live = client.get_function_configuration(FunctionName="f000:live")
    assert (live["Version"], live["Layers"][0]["Arn"]) == ("2", arns[1])


def test_an_update_needs_the_latest_revision_and_no_other_update(cloud: LambdaCloud) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    cloud.world.now, cloud.world.update_s = lambda: now, 30.0
    seeding.function(cloud.world, cloud.where, "f")
    client = cloud.client()
    before = client.get_function_configuration(FunctionName="f")["RevisionId"]
    update = client.update_function_configuration
    done = update(FunctionName="f", Timeout=7, RevisionId=before)
    assert done["LastUpdateStatus"] == "InProgress"
    refused("ResourceConflictException", update, FunctionName="f", Timeout=8)
    refused("ResourceConflictException", client.publish_version, FunctionName="f")
    now += timedelta(seconds=31)
    assert client.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "Successful"
    refused("PreconditionFailedException", update, FunctionName="f", Timeout=9, RevisionId=before)
    assert client.get_function_configuration(FunctionName="f")["Timeout"] == 7


def test_layers_must_be_there_be_few_and_be_readable(cloud: LambdaCloud) -> None:
    seeding.function(cloud.world, cloud.where, "f")
    update = cloud.client().update_function_configuration
    arns = [seeding.layer(cloud.world, cloud.where, f"l{index}") for index in range(6)]
    second = seeding.layer(cloud.world, cloud.where, "l0")
    theirs = seeding.layer(cloud.world, Where("210987654321", cloud.region), "theirs")
    elsewhere = seeding.layer(cloud.world, Where(cloud.account, "us-east-1"), "far")
    wrong = "InvalidParameterValueException"
    refused(wrong, update, FunctionName="f", Layers=arns)
    refused(wrong, update, FunctionName="f", Layers=[arns[0], second])
    refused(wrong, update, FunctionName="f", Layers=[elsewhere])
    assert "does not exist" in refused(wrong, update, FunctionName="f", Layers=[arns[0] + "9"])
    refused("AccessDeniedException", update, FunctionName="f", Layers=[theirs])
    kept = update(FunctionName="f", Layers=arns[:5])["Layers"]
    assert [one["Arn"] for one in kept] == arns[:5]
    assert "Layers" not in update(FunctionName="f", Layers=[])


def test_a_function_keeps_a_deleted_layer_but_cannot_be_given_it_again(cloud: LambdaCloud) -> None:
    arn = seeding.layer(cloud.world, cloud.where, "a")
    seeding.function(cloud.world, cloud.where, "f", [arn])
    client = cloud.client()
    client.delete_layer_version(LayerName="a", VersionNumber=1)
    assert client.get_function_configuration(FunctionName="f")["Layers"][0]["Arn"] == arn
    update = client.update_function_configuration
    refused("InvalidParameterValueException", update, FunctionName="f", Layers=[arn])


def test_a_version_is_made_only_of_what_has_changed(cloud: LambdaCloud) -> None:
    seeding.function(cloud.world, cloud.where, "f")
    client = cloud.client()
    assert [client.publish_version(FunctionName="f")["Version"] for _ in range(2)] == ["1", "1"]
    client.update_function_configuration(FunctionName="f", Environment={"Variables": {"AB": "1"}})
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    client.update_function_code(FunctionName="f", ZipFile=b"other")
    assert client.publish_version(FunctionName="f")["Version"] == "3"
    refused(
        "InvalidParameterValueException", client.publish_version, FunctionName="f", CodeSha256="x"
    )


def test_an_alias_points_to_one_version_or_shares_between_two(cloud: LambdaCloud) -> None:
    seeding.function(cloud.world, cloud.where, "f")
    client = cloud.client()
    seeding.publish(cloud.world, cloud.where, "f")
    made = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    create, update = client.create_alias, client.update_alias
    refused("ResourceConflictException", create, FunctionName="f", Name="live", FunctionVersion="1")
    refused("ResourceNotFoundException", update, FunctionName="f", Name="live", FunctionVersion="9")
    client.update_function_configuration(FunctionName="f", Timeout=9)
    seeding.publish(cloud.world, cloud.where, "f")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    routed = update(FunctionName="f", Name="live", RoutingConfig=weights)
    assert routed["RoutingConfig"] == weights
    old = made["RevisionId"]
    refused("PreconditionFailedException", update, FunctionName="f", Name="live", RevisionId=old)
    refused("ResourceConflictException", client.delete_function, FunctionName="f", Qualifier="2")
    assert [one["Name"] for one in client.list_aliases(FunctionName="f")["Aliases"]] == ["live"]
    assert client.list_aliases(FunctionName="f", FunctionVersion="2")["Aliases"] == []
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier="2")


def test_tags_are_added_and_taken_away(cloud: LambdaCloud) -> None:
    arn = seeding.function(cloud.world, cloud.where, "f")
    client = cloud.client()
    client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a", "c"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName="f")["Tags"] == {"b": "2"}


def test_what_does_not_exist_is_said_to(cloud: LambdaCloud) -> None:
    refused("ResourceNotFoundException", cloud.client().get_function, FunctionName="none")
    refused("UnknownOperationException", cloud.client().list_event_source_mappings)


def test_faults_strike_before_or_after_and_a_caller_may_be_denied(cloud: LambdaCloud) -> None:
    crashes: list[str] = []
    cloud.control.on_crash = lambda: crashes.append("crash")
    rules = [
        {"service": "lambda", "operation": "ListFunctions", "calls": [1],
         "error": "TooManyRequestsException"},
        {"service": "lambda", "operation": "CreateAlias", "drop": True, "when": "after"},
        {"service": "lambda", "operation": "PublishVersion", "calls": [2], "crash": True},
    ]  # fmt: skip
    cloud.control.faults.use(parse({"seed": 1, "rule": rules}))
    seeding.function(cloud.world, cloud.where, "f")
    assert len(cloud.client(tries=2).list_functions()["Functions"]) == 1
    client = cloud.client()
    client.publish_version(FunctionName="f")
    with pytest.raises(ConnectionClosedError):
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert client.get_alias(FunctionName="f", Name="live")["FunctionVersion"] == "1"
    with pytest.raises(ConnectionClosedError):
        client.publish_version(FunctionName="f")
    assert crashes == ["crash"]
    cloud.world.denied.add(("*", "eu-*", "List*"))
    refused("AccessDeniedException", client.list_functions)
    assert cloud.client(region="us-east-1").list_functions()["Functions"] == []


def test_the_same_seed_makes_the_same_fleet(cloud: LambdaCloud) -> None:
    there = Where(cloud.account, "us-east-1")
    for where in (cloud.where, there):
        seeding.fleet(cloud.world, where, Fleet(functions=30, layers=3, versions=5))

    def layers_of(region: str) -> dict[str, list[str]]:
        client = cloud.client(region=region)
        pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
        return {
            f"{one['FunctionName']}:{one['Version']}": [
                layer["Arn"].split(":layer:")[1] for layer in one.get("Layers", ())
            ]
            for page in pages
            for one in page["Functions"]
        }

    assert layers_of("eu-west-1") == layers_of("us-east-1")
    assert any(len(used) == 2 for used in layers_of("eu-west-1").values())
