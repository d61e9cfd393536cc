"""`millrace layers share`, `shares` and `revoke` against an emulated cloud."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud
from tests.layers_fleet.building import built
from tests.layers_fleet.typing_commands import Commands

OTHER = "210987654321"
ORGANIZATION = "o-a1b2c3d4e5"
REGIONS = ("--region", "eu-west-1", "--region", "us-east-1", "--region", "ap-south-1")


@pytest.fixture
def published(cloud: LambdaCloud, millrace: Commands, tmp_path: Path) -> LambdaCloud:
    """Two versions of a layer, the second with a tree."""
    millrace.environment["MILLRACE_PLANS"] = str(tmp_path / "plans")
    seeding.layer(cloud.world, cloud.where, "deps", content=b"old", description="By hand")
    folder = built(tmp_path / "build")
    assert millrace("layers", "publish", folder, "--name", "deps", "--execute").status == 0
    return cloud


def readable(cloud: LambdaCloud, region: str, number: int, account: str = OTHER) -> bool:
    arn = f"arn:aws:lambda:{region}:{cloud.account}:layer:deps:{number}"
    try:
        cloud.client(account=account, region=region).get_layer_version_by_arn(Arn=arn)
    except ClientError:
        return False
    return True


def listed(millrace: Commands, *options: object) -> list[dict[str, Any]]:
    done = millrace("layers", "shares", *options, "--json")
    assert done.status == 0, done.err
    found: list[dict[str, Any]] = done.document["shares"]
    return found


def test_by_default_nothing_is_shared(published: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "share", "deps", "--account", OTHER)
    assert done.status == 0, done.err
    assert f"account {OTHER} may not read it yet" in done.out
    assert not readable(published, "eu-west-1", 2)
    assert "shared with nobody" in millrace("layers", "shares", "deps").err


def test_the_newest_version_is_shared_once_whoever_granted_it(
    published: LambdaCloud, millrace: Commands
) -> None:
    command = ("layers", "share", "deps", "--account", OTHER, "--execute", "--json")
    assert millrace(*command).status == 0
    assert (readable(published, "eu-west-1", 2), readable(published, "eu-west-1", 1)) == (
        True,
        False,
    )
    again = millrace(*command)
    assert again.document["plan"]["steps"] == []
    assert "already" in again.document["plan"]["notes"][0]
    published.client().add_layer_version_permission(
        LayerName="deps", VersionNumber=1, StatementId="by-hand", Principal=OTHER,
        Action="lambda:GetLayerVersion",
    )  # fmt: skip
    first = millrace("layers", "share", "deps:1", "--account", OTHER, "--execute", "--json")
    assert first.document["plan"]["steps"] == []
    assert {row["statement_id"] for row in listed(millrace, "deps")} == {
        "by-hand", f"millrace-{OTHER}",
    }  # fmt: skip


def test_other_regions_first_get_the_same_tree(published: LambdaCloud, millrace: Commands) -> None:
    there = Where(published.account, "us-east-1")
    seeding.layer(published.world, there, "deps", content=b"something else")
    command = ("layers", "share", "deps", "--organization", ORGANIZATION, *REGIONS)
    done = millrace(*command, "--execute", "--json")
    assert done.status == 0, done.err
    published.world.organizations[OTHER] = ORGANIZATION
    assert readable(published, "eu-west-1", 2)
    assert (readable(published, "us-east-1", 2), readable(published, "us-east-1", 1)) == (
        True,
        False,
    )
    assert readable(published, "ap-south-1", 1)
    source = published.client().get_layer_version(LayerName="deps", VersionNumber=2)
    copy = published.client(region="us-east-1").get_layer_version(LayerName="deps", VersionNumber=2)
    assert copy["Content"]["CodeSha256"] == source["Content"]["CodeSha256"]
    assert copy["Description"] == source["Description"]
    assert copy["CompatibleRuntimes"] == source["CompatibleRuntimes"]
    again = millrace(*command, "--execute", "--json")
    assert again.document["plan"]["steps"] == []
    assert [row["arn"].split(":")[3] for row in listed(millrace, "deps", *REGIONS)] == [
        "eu-west-1", "us-east-1", "ap-south-1",
    ]  # fmt: skip


def test_a_region_that_lacks_it_may_be_the_only_one_that_is_named(
    published: LambdaCloud, millrace: Commands
) -> None:
    command = ("layers", "share", "deps:2", "--account", OTHER, "--region", "ap-south-1")
    done = millrace(*command, "--execute")
    assert done.status == 0, done.err
    assert readable(published, "ap-south-1", 1)
    assert not readable(published, "eu-west-1", 2)


def test_what_nobody_has_is_not_taken_back_in_silence(
    published: LambdaCloud, millrace: Commands
) -> None:
    for command in (("shares", "depps"), ("revoke", "depps", "--account", OTHER, "--execute")):
        done = millrace("layers", *command)
        assert (done.status, "There is no layer depps" in done.err) == (1, True), done.err


def test_more_accounts_than_a_policy_holds_should_be_an_organisation(
    published: LambdaCloud, millrace: Commands
) -> None:
    def accounts(count: int) -> list[object]:
        return [part for n in range(count) for part in ("--account", 210000000000 + n)]

    for options in ((), ("--execute",)):  # the plan says it, and half of it is not done
        done = millrace("layers", "share", "deps", *accounts(150), *options)
        found = re.search(r"(\d+) of these 150 fit beside the 0", done.err)
        assert done.status == 1
        assert found is not None, done.err
        assert "(--organization)" in done.err
        assert "shared with nobody" in millrace("layers", "shares", "deps").err
        fits = int(found[1])
    most = millrace("layers", "share", "deps", *accounts(fits), "--execute")
    assert most.status == 0, most.err[-300:]
    one_more = millrace("layers", "share", "deps", *accounts(fits + 1))
    assert f"0 of these 1 fit beside the {fits} that have it" in one_more.err


def test_a_policy_that_fills_up_meanwhile_is_told(
    published: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    assert millrace("layers", "share", "deps", "--account", OTHER, "--output", plan).status == 0
    client = published.client()

    def fill() -> None:
        for number in range(150):
            client.add_layer_version_permission(
                LayerName="deps", VersionNumber=2, StatementId=f"by-hand-{number}",
                Principal=f"{210000000000 + number}", Action="lambda:GetLayerVersion",
            )  # fmt: skip

    with pytest.raises(client.exceptions.PolicyLengthExceededException):
        fill()
    done = millrace("layers", "apply", plan, "--execute")
    assert (done.status, "(--organization)" in done.err) == (1, True), done.err[-300:]


def test_in_a_narrow_terminal_arns_stay_in_one_piece(
    published: LambdaCloud, millrace: Commands
) -> None:
    assert millrace("layers", "share", "deps", "--account", OTHER, "--execute").status == 0
    millrace.columns = 80
    arn = f"arn:aws:lambda:eu-west-1:{published.account}:layer:deps:2"
    shown = millrace("layers", "shares", "deps").out
    assert shown.splitlines() == [arn, f"  account {OTHER} (statement millrace-{OTHER})"]
    pruned = millrace("layers", "prune").out
    assert " deps:2    eu-west-1 " in pruned
    revoked = millrace("layers", "revoke", "deps", "--account", OTHER, "--all-regions").out
    head, *regions = revoked.partition("  - remove-")[0].splitlines()
    assert head.endswith("regions:")
    assert max(map(len, [head, *regions])) <= 80
    assert "eu-west-1" in "".join(regions)
    assert f"layer:deps:2\n      account {OTHER} may read it" in revoked
    nobody = millrace("layers", "revoke", "deps", "--account", "333333333333")
    assert (nobody.status, "shared with account 333333333333" in nobody.out) == (0, True)


def test_a_version_without_a_tree_is_known_by_its_zip(
    published: LambdaCloud, millrace: Commands
) -> None:
    command = ("layers", "share", "deps:1", "--account", OTHER, *REGIONS, "--execute", "--json")
    for _ in range(2):
        done = millrace(*command)
        assert done.status == 0, done.err
    assert done.document["plan"]["steps"] == []
    client = published.client(region="us-east-1")
    (copy,) = client.list_layer_versions(LayerName="deps")["LayerVersions"]
    assert copy["Description"].startswith("By hand zip=")


def test_revoking_takes_back_what_is_named_and_nothing_else(
    published: LambdaCloud, millrace: Commands
) -> None:
    third = "333333333333"
    to = ("--account", OTHER, "--account", third)
    millrace("layers", "share", "deps", *to, *REGIONS, "--execute")
    planned = millrace("layers", "revoke", "deps", "--account", OTHER, *REGIONS)
    assert (planned.status, readable(published, "eu-west-1", 2)) == (0, True)
    done = millrace("layers", "revoke", "deps", "--account", OTHER, *REGIONS, "--execute")
    assert done.status == 0, done.err
    for region, number in (("eu-west-1", 2), ("us-east-1", 1), ("ap-south-1", 1)):
        assert not readable(published, region, number)
        assert readable(published, region, number, third)
    again = millrace("layers", "revoke", "deps", "--account", OTHER, "--execute", "--json")
    assert again.document["plan"]["steps"] == []


def test_what_everyone_may_read_stays_readable_and_that_is_said(
    published: LambdaCloud, millrace: Commands
) -> None:
    millrace("layers", "share", "deps", "--everyone", "--account", OTHER, "--execute")
    done = millrace("layers", "revoke", "deps", "--account", OTHER, "--execute", "--json")
    assert "shared with everyone" in done.document["plan"]["notes"][0]
    assert readable(published, "eu-west-1", 2)
    millrace("layers", "revoke", "deps", "--everyone", "--execute")
    assert not readable(published, "eu-west-1", 2)


def test_a_policy_that_changed_since_is_not_overwritten(
    published: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "share", "deps", "--account", OTHER, "--execute")
    millrace("layers", "revoke", "deps", "--account", OTHER, "--output", path)
    client = published.client()
    sid = f"millrace-{OTHER}"
    client.remove_layer_version_permission(LayerName="deps", VersionNumber=2, StatementId=sid)
    client.add_layer_version_permission(
        LayerName="deps", VersionNumber=2, StatementId=sid, Principal="333333333333",
        Action="lambda:GetLayerVersion",
    )  # fmt: skip
    done = millrace("layers", "apply", path, "--execute")
    assert (done.status, "no longer fits" in done.err) == (1, True)
    assert readable(published, "eu-west-1", 2, "333333333333")


def test_a_version_that_is_gone_is_named_and_nothing_is_done(
    published: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    options = ("--account", OTHER, "--region", "eu-west-1", "--region", "us-east-1")
    millrace("layers", "share", "deps:2", *options, "--output", path)
    published.client().delete_layer_version(LayerName="deps", VersionNumber=2)
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 1
    assert "layer:deps:2 is not there: it was deleted since" in done.err
    assert published.client(region="us-east-1").list_layers()["Layers"] == []
    missing = millrace("layers", "share", "deps:9", "--account", OTHER)
    assert "There is no version 9 of deps in eu-west-1; the newest is 1" in missing.err
    none = millrace("layers", "share", "nothing", "--account", OTHER)
    assert "There is no layer nothing in eu-west-1" in none.err


def test_a_region_that_is_denied_stops_before_anything_is_done(
    published: LambdaCloud, millrace: Commands
) -> None:
    published.world.denied.add(("*", "us-*", "ListLayerVersions"))
    done = millrace("layers", "share", "deps", "--account", OTHER, *REGIONS, "--execute")
    assert done.status == 1
    assert "lambda:ListLayerVersions in us-east-1 is not allowed" in done.err
    assert not readable(published, "eu-west-1", 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["deps"], "Nobody is named"),
        (["deps", "--account", "12"], "twelve digits are"),
        (["deps", "--organization", "ou-1"], "is no organisation"),
        (["deps:x", "--account", OTHER], "names no version of a layer"),
        (["deps:²", "--account", OTHER], "names no version of a layer"),
        (["deps-*", "--account", OTHER], "no layer's name"),
        ([f"arn:aws:lambda:eu-west-1:{OTHER}:layer:deps:1", "--account", OTHER], "Only the owner"),
    ],
)
def test_a_wrong_command_does_nothing(millrace: Commands, options: list[str], words: str) -> None:
    done = millrace("layers", "share", *options)
    assert (done.status, words in done.err) == (2, True), done.err
