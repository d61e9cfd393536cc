"""All functions, versions and layers of an account, over pages, regions and faults."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError
from millrace.errors import ConfigurationError, NotAllowed, Throttled, Unavailable
from millrace.lambda_layers.aws import LambdaAccount, problem
from millrace.lambda_layers.inventory import layer_arn

from localcloud.faults.loading import parse
from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud
from localcloud.lambda_control.seeding import Fleet

NOW_MS = 1_772_366_400_000
REGIONS = ("eu-west-1", "us-east-1")


def test_every_version_of_every_function_is_found_with_few_requests(
    cloud: LambdaCloud, account: LambdaAccount
) -> None:
    wanted = Fleet(functions=60, layers=3, versions=60, published=2)
    for region in REGIONS:
        seeding.fleet(cloud.world, Where(cloud.account, region), wanted)
    found = account.inventory(REGIONS, NOW_MS)
    assert len(found.functions) == 2 * 60 * 3
    assert len(list(found.latest)) == 2 * 60
    assert len(found.layers) == 2 * 3 * 60
    assert found.account == cloud.account
    assert found.calls == {
        "sts:GetCallerIdentity": 1,
        "lambda:ListFunctions": 2 * 4,
        "lambda:ListLayers": 2,
        "lambda:ListLayerVersions": 2 * 3 * 2,
    }
    newest = next(iter(found.by_layer.values()))
    assert [one.arn.version for one in newest] == list(range(60, 0, -1))


def test_users_are_those_of_old_versions_too(cloud: LambdaCloud, account: LambdaAccount) -> None:
    old, new = (seeding.layer(cloud.world, cloud.where, "a") for _ in range(2))
    seeding.function(cloud.world, cloud.where, "f", [old], variables={"LAYER_SHA": "abc"})
    seeding.publish(cloud.world, cloud.where, "f", "live")
    seeding.use(cloud.world, cloud.where, "f", [new])
    found = account.inventory([cloud.region], NOW_MS, aliases=True)
    (user,) = found.users(old)
    assert (user.name, user.version, user.layer_sha) == ("f", "1", "abc")
    assert [one.version for one in found.users(layer_arn(new))] == ["$LATEST"]
    assert user.qualified == f"{user.arn}:1"
    (alias,) = found.aliases
    assert (alias.name, alias.weights, alias.function_arn) == ("live", {"1": 1.0}, user.arn)
    assert set(found.used) == {old, new}


def test_only_the_layers_that_are_asked_for_are_listed(
    cloud: LambdaCloud, account: LambdaAccount
) -> None:
    for name in "ab":
        seeding.layer(cloud.world, cloud.where, name)
    found = account.inventory([cloud.region], NOW_MS, layers=["a", "none"])
    assert [one.arn.name for one in found.layers] == ["a"]


def test_throttling_is_waited_out_and_counted(cloud: LambdaCloud, account: LambdaAccount) -> None:
    rule = {"service": "lambda", "calls": [1, 2], "error": "TooManyRequestsException"}
    cloud.control.faults.use(parse({"rule": [{**rule, "operation": "ListFunctions"}]}))
    seeding.function(cloud.world, cloud.where, "f")
    found = account.inventory([cloud.region], NOW_MS)
    assert len(found.functions) == 1
    assert found.calls["lambda:ListFunctions"] == 3


def test_throttling_without_end_is_said(cloud: LambdaCloud) -> None:
    rule = {"service": "lambda", "error": "TooManyRequestsException"}
    cloud.control.faults.use(parse({"rule": [rule]}))
    account = LambdaAccount(cloud.session(), cloud.url, tries=1)
    with pytest.raises(Throttled, match="lambda:ListLayers"):
        account.call("lambda:ListLayers", cloud.region, {})


def test_a_region_that_is_denied_is_an_error_that_names_it(
    cloud: LambdaCloud, account: LambdaAccount
) -> None:
    cloud.world.denied.add(("*", "us-*", "ListFunctions"))
    with pytest.raises(NotAllowed, match="lambda:ListFunctions in us-east-1 is not allowed"):
        account.inventory(REGIONS, NOW_MS)


def test_what_is_no_arn_is_said() -> None:
    with pytest.raises(ConfigurationError, match="'deps:7' is no ARN of a layer"):
        layer_arn("deps:7")


def test_a_region_that_does_not_answer_may_not_be_one() -> None:
    error = EndpointConnectionError(endpoint_url="https://lambda.eu-wst-1.amazonaws.com")
    told = problem(
        "lambda:ListFunctions", "eu-wst-1", error, "https://lambda.eu-wst-1.amazonaws.com"
    )
    assert isinstance(told, Unavailable)
    assert "Is there a region eu-wst-1" in str(told)
