"""`millrace layers prune` against an emulated cloud: what stays, what goes, and every refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.faults.loading import parse
from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud
from tests.layers_fleet.typing_commands import Commands

SHARE = {"Action": "lambda:GetLayerVersion", "Principal": "210987654321", "StatementId": "s"}


@pytest.fixture
def layered(cloud: LambdaCloud, millrace: Commands, tmp_path: Path) -> LambdaCloud:
    """Ten versions of a layer: 2 is used by an old version, 3 shared, 9 and 10 are young."""
    for number in range(1, 11):
        age = 1 if number > 8 else 100 - number
        seeding.layer(cloud.world, cloud.where, "deps", content=bytes([number]), age_days=age)
    seeding.function(cloud.world, cloud.where, "f", [arn(cloud, 2)])
    seeding.publish(cloud.world, cloud.where, "f", "live")
    seeding.use(cloud.world, cloud.where, "f", [arn(cloud, 10)])
    cloud.client().add_layer_version_permission(LayerName="deps", VersionNumber=3, **SHARE)
    millrace.environment["MILLRACE_PLANS"] = str(tmp_path / "plans")
    return cloud


def arn(cloud: LambdaCloud, number: int) -> str:
    return f"arn:aws:lambda:{cloud.region}:{cloud.account}:layer:deps:{number}"


def left(cloud: LambdaCloud, region: str | None = None) -> list[int]:
    pages = cloud.client(region=region).get_paginator("list_layer_versions")
    found = pages.paginate(LayerName="deps")
    return sorted(one["Version"] for page in found for one in page["LayerVersions"])


def test_by_default_nothing_is_deleted(layered: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "prune", "deps", "--keep", 3)
    assert done.status == 0, done.err
    assert left(layered) == list(range(1, 11))
    for words in ("f:1 has it", "it is shared", "among the 3 newest", "nothing keeps it"):
        assert words in done.out
    assert "Nothing was changed" in done.err


def test_what_nothing_keeps_is_deleted_and_the_journal_says_so(
    layered: LambdaCloud, millrace: Commands
) -> None:
    done = millrace("layers", "prune", "deps", "--keep", 3, "--execute", "--json")
    assert done.status == 0, done.err
    assert left(layered) == [2, 3, 8, 9, 10]
    assert [step["target"] for step in done.document["plan"]["steps"]] == [
        arn(layered, number) for number in (1, 4, 5, 6, 7)
    ]
    lines = Path(done.document["journal"]).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["event"] for line in lines] == [
        "started", *("intent", "done") * 5, "finished",
    ]  # fmt: skip
    again = millrace("layers", "prune", "deps", "--keep", 3, "--execute", "--json")
    assert again.document["done"] == []


def test_a_stored_plan_is_carried_out_once(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    assert millrace("layers", "prune", "--keep", 3, "--output", path).status == 0
    printed = millrace("layers", "apply", path)
    assert (printed.status, left(layered)) == (0, list(range(1, 11)))
    assert "- delete-layer-version" in printed.out
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 0, done.err
    assert left(layered) == [2, 3, 8, 9, 10]
    assert "5 steps done" in done.out
    assert "5 had been before" in millrace("layers", "apply", path, "--execute").out


def test_a_plan_that_no_longer_fits_deletes_nothing(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    seeding.function(layered.world, layered.where, "new", [arn(layered, 5)])
    layered.client().add_layer_version_permission(LayerName="deps", VersionNumber=6, **SHARE)
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 1
    assert left(layered) == list(range(1, 11))
    assert f"{arn(layered, 5)}: used_by is " in done.err
    assert "function:new:$LATEST" in done.err
    assert f"{arn(layered, 6)}: shared is yes, not no" in done.err


def test_what_has_become_one_of_the_newest_meanwhile_stays(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    for number in (8, 9, 10):
        layered.client().delete_layer_version(LayerName="deps", VersionNumber=number)
    done = millrace("layers", "apply", path, "--execute")
    assert (done.status, "newer is 2, not 3" in done.err) == (1, True)
    assert left(layered) == [1, 2, 3, 4, 5, 6, 7]


def test_what_somebody_else_has_deleted_is_no_reason_to_stop(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    layered.client().delete_layer_version(LayerName="deps", VersionNumber=4)
    done = millrace("layers", "apply", path, "--execute", "--json")
    assert done.status == 0, done.err
    assert (len(done.document["done"]), len(done.document["already"])) == (4, 1)


def test_a_changed_plan_an_old_one_and_a_foreign_one_are_refused(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("layer:deps:4", "layer:deps:2"), encoding="utf-8")
    assert "was changed after it was made" in millrace("layers", "apply", path, "--execute").err
    path.write_text(text, encoding="utf-8")
    millrace.later_ms = 5 * 3_600_000
    assert "The plan was good until" in millrace("layers", "apply", path, "--execute").err
    millrace.later_ms = 0
    millrace.environment["AWS_ACCESS_KEY_ID"] = "210987654321"
    assert "made for account 123456789012" in millrace("layers", "apply", path, "--execute").err
    assert left(layered) == list(range(1, 11))


def test_a_plan_that_needs_an_approval_waits_for_it(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace.environment["MILLRACE_PLAN_KEY"] = "a key that only this test has"
    millrace("layers", "prune", "--keep", 3, "--needs-approval", "--output", path)
    refused = millrace("layers", "apply", path, "--execute")
    assert (refused.status, "needs an approval" in refused.err) == (1, True)
    own = millrace("layers", "approve", path)
    assert (own.status, "who made it" in own.err) == (1, True)
    become_somebody_else(layered, millrace)
    approved = millrace("layers", "approve", path, "--json")
    assert approved.status == 0, approved.err
    assert approved.document["by"].endswith("assumed-role/reviewer/ann")
    assert millrace("layers", "apply", path, "--execute").status == 0
    assert left(layered) == [2, 3, 8, 9, 10]


def become_somebody_else(cloud: LambdaCloud, millrace: Commands) -> None:
    role = f"arn:aws:iam::{cloud.account}:role/reviewer"
    taken = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    millrace.environment |= {
        "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
        "AWS_SESSION_TOKEN": taken["SessionToken"],
    }


def test_with_a_key_a_plan_without_its_seal_is_refused(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    millrace.environment["MILLRACE_PLAN_KEY"] = "a key"
    done = millrace("layers", "apply", path, "--execute")
    assert "has no seal" in done.err
    assert "a key" not in done.err
    assert left(layered) == list(range(1, 11))


def test_a_plan_above_the_limit_is_printed_and_not_carried_out(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    options = ("layers", "prune", "--keep", 3, "--limit", 4)
    assert millrace(*options, "--output", path).status == 0
    for done in (millrace(*options, "--execute"), millrace("layers", "apply", path, "--execute")):
        assert done.status == 1
        assert "deletes 5 versions, and 4 is the limit" in done.err
    assert left(layered) == list(range(1, 11))


def test_who_may_not_see_all_functions_may_not_delete(
    layered: LambdaCloud, millrace: Commands
) -> None:
    layered.world.denied.add(("*", "*", "ListFunctions"))
    done = millrace("layers", "prune", "--execute")
    assert done.status == 1
    assert "lambda:ListFunctions in eu-west-1 is not allowed" in done.err
    assert left(layered) == list(range(1, 11))


def test_what_may_be_shared_stays_and_says_so(layered: LambdaCloud, millrace: Commands) -> None:
    layered.world.denied.add(("*", "*", "GetLayerVersionPolicy"))
    done = millrace("layers", "prune", "--keep", 3, "--execute", "--json")
    assert done.document["plan"]["steps"] == []
    assert "nobody may see whether it is shared" in done.out


def test_who_may_not_delete_is_told_and_goes_on_when_allowed(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    denied = ("*", "*", "DeleteLayerVersion")
    layered.world.denied.add(denied)
    done = millrace("layers", "apply", path, "--execute")
    assert done.status == 1
    assert "lambda:DeleteLayerVersion in eu-west-1 is not allowed" in done.err
    assert "the same plan goes on from there" in done.err
    layered.world.denied.remove(denied)
    assert millrace("layers", "apply", path, "--execute").status == 0
    assert left(layered) == [2, 3, 8, 9, 10]


def test_throttling_and_lost_answers_change_nothing_of_the_result(
    layered: LambdaCloud, millrace: Commands
) -> None:
    rules = [
        {"service": "lambda", "operation": "DeleteLayerVersion", "calls": [2, 4], "drop": True,
         "when": "after"},
        {"service": "lambda", "operation": "List*", "calls": [1],
         "error": "TooManyRequestsException"},
        {"service": "lambda", "operation": "GetLayerVersion", "calls": [3],
         "error": "TooManyRequestsException"},
    ]  # fmt: skip
    layered.control.faults.use(parse({"rule": rules}))
    done = millrace("layers", "prune", "--keep", 3, "--execute")
    assert done.status == 0, done.err
    assert left(layered) == [2, 3, 8, 9, 10]


def test_a_layer_that_nobody_has_is_named(layered: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "prune", "deps", "depps", "--keep", 3, "--execute")
    assert (done.status, "There is no layer depps in eu-west-1" in done.err) == (1, True)
    assert left(layered) == list(range(1, 11))


def test_every_region_by_itself(layered: LambdaCloud, millrace: Commands) -> None:
    there = Where(layered.account, "us-east-1")
    for number in range(1, 5):
        seeding.layer(layered.world, there, "deps", content=bytes([number]), age_days=50)
    options = ("layers", "prune", "--keep", 3, "--region", "eu-west-1", "--region", "us-east-1")
    done = millrace(*options, "--execute", "--json")
    assert done.status == 0, done.err
    assert left(layered) == [2, 3, 8, 9, 10]
    assert left(layered, "us-east-1") == [2, 3, 4]
    assert done.document["plan"]["regions"] == ["eu-west-1", "us-east-1"]


def test_all_regions_are_those_of_the_account_and_one_that_is_denied_is_named(
    layered: LambdaCloud, millrace: Commands
) -> None:
    there = Where(layered.account, "ap-south-1")
    for number in range(1, 5):
        seeding.layer(layered.world, there, "deps", content=bytes([number]), age_days=50)
    done = millrace("layers", "prune", "--keep", 3, "--all-regions", "--json")
    assert done.status == 0, done.err
    found = {step["region"] for step in done.document["plan"]["steps"]}
    assert found == {"eu-west-1", "ap-south-1"}
    assert len(done.document["plan"]["regions"]) > 10
    assert done.document["calls"]["lambda:ListFunctions"] == len(done.document["plan"]["regions"])
    layered.world.denied.add(("*", "ap-south-1", "*"))
    denied = millrace("layers", "prune", "--all-regions", "--execute")
    assert denied.status == 1
    assert "lambda:ListFunctions in ap-south-1 is not allowed" in denied.err
    assert "leave the region out" in denied.err
    assert left(layered) == list(range(1, 11))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--keep", 0], "keep 1 at least"),
        (["--grace-days", "-1"], "0 or more"),
        (["--grace-days", "nan"], "0 or more"),
        (["--execute", "--output", "p.json"], "choose one"),
        (["deps-*"], "no layer's name"),
        (["arn:aws:lambda:eu-west-1:123456789012:layer:deps:1"], "no layer's name"),
        (["--region", "EU west"], "'EU west' is no region"),
        (["--region", "eu-west-1", "--all-regions"], "choose one of them"),
    ],
)
def test_a_wrong_command_does_nothing(
    millrace: Commands, options: list[object], words: str
) -> None:
    done = millrace("layers", "prune", *options)
    assert (done.status, words in done.err) == (2, True)
