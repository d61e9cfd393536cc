"""A plan that says what none of its kind says is refused as a whole, though its hash is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.layers_fleet.building import built
from tests.layers_fleet.typing_commands import Commands
from tests.plans.forging import Change, forged, with_, without

OTHER = "210987654321"
FIRST = ("steps", 0)
PRUNE = ("prune", "--keep", "1", "--grace-days", "0")
SHARE = ("share", "deps", "--account", OTHER, "--region", "eu-west-1", "--region", "us-east-1")
REVOKE = ("revoke", "deps", "--account", "333333333333")
PUBLISH = ("publish", "BUILT", "--name", "deps", "--manifest", "ssm:/layers")


@pytest.mark.parametrize(
    ("command", "change"),
    [
        (PRUNE, with_(7, "kind")),
        (PRUNE, with_([["eu-west-1"]], "regions")),
        (PRUNE, with_(["1"], *FIRST, "id")),
        (PRUNE, with_(7, *FIRST, "target")),
        (PRUNE, with_("us-east-1", *FIRST, "region")),
        (PRUNE, with_("remove-layer-version-permission", *FIRST, "action")),
        (SHARE, without(*FIRST, "arguments", "grantee")),
        (SHARE, without(*FIRST, "arguments", "grantee", "kind")),
        (SHARE, with_("delete-layer-version", *FIRST, "action")),
        (SHARE, without("steps", 1, "arguments", "identity")),
        (SHARE, with_(["nobody"], "steps", 2, "needs")),
        (REVOKE, without(*FIRST, "arguments", "statement_id")),
        (REVOKE, with_("add-layer-version-permission", *FIRST, "action")),
        (PUBLISH, without(*FIRST, "arguments", "identity")),
        (PUBLISH, without("steps", 1, "arguments", "kind")),
        (PUBLISH, with_("eu-west-1:publish", "steps", 1, "id")),
    ],
)
def test_it_is_refused_before_anything_is_done(
    cloud: LambdaCloud,
    millrace: Commands,
    tmp_path: Path,
    command: tuple[str, ...],
    change: Change,
) -> None:
    for number in range(3):
        seeding.layer(cloud.world, cloud.where, "deps", content=bytes([number]), age_days=9)
    given = ("layers", "share", "deps", "--account", "333333333333", "--execute")
    millrace.environment["MILLRACE_PLANS"] = str(tmp_path / "plans")
    assert millrace(*given).status == 0
    plan, folder = tmp_path / "plan.json", built(tmp_path / "build")
    words = [folder if word == "BUILT" else word for word in command]
    assert millrace("layers", *words, "--output", plan).status == 0
    document = json.loads(plan.read_text(encoding="utf-8"))
    plan.write_text(forged(document, change), encoding="utf-8")
    done = millrace("layers", "apply", plan, "--execute")
    assert (done.status, "This is no plan" in done.err) == (1, True), done.err
    assert not plan.with_name("plan.journal.jsonl").exists()
    versions = cloud.world.home(cloud.where).layers["deps"].versions
    assert {n: sorted(one.policy.statements) for n, one in versions.items()} == {
        1: [], 2: [], 3: ["millrace-333333333333"],
    }  # fmt: skip
