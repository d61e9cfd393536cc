"""`millrace layers rollout` as it is typed, with CloudWatch's metrics and the functions' logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import fleet_of, function, layers, shape
from tests.rollout.test_evidence import REPORT, count, lines
from tests.rollout.typing_commands import Commands

QUICK = ("--waves", "1,100%", "--bake", "10m", "--patience", "0", "--parallel", 1)
ERRORS_ONLY = (*QUICK, "--min-inits", 0)
MINUTE_MS = 60_000


def layers_now(cloud: LambdaCloud) -> dict[str, list[str]]:
    return {name: one["layers"] for name, one in fleet_of(cloud).items()}


def test_by_default_a_plan_is_printed(fleet: LambdaCloud, millrace: Commands) -> None:
    before = fleet_of(fleet)
    done = millrace("layers", "rollout", "deps:3")
    assert done.status == 0, done.err
    for words in ("deps:1 → deps:3", "deps:2 → deps:3", "alias live by UpdateAlias", "wave"):
        assert words in done.out
    assert "Nothing was changed" in done.err
    assert fleet_of(fleet) == before
    document = millrace("layers", "rollout", "to", "deps", "--json").document
    assert document["executed"] is False
    assert [wave["wave"] for wave in document["waves"]] == [1, 4]  # of four functions
    empty = "of 4 functions, 5% (wave 2) and 25% (wave 3) are no more than the waves before them"
    assert empty in done.out.splitlines()
    assert document["plan"]["notes"] == [empty]
    assert document["plan"]["kind"] == "layers.rollout"
    again = millrace("layers", "rollout", "--json", "deps:3").document
    assert again["waves"] == document["waves"]


def test_it_is_carried_out_when_asked(fleet: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--execute")
    assert done.status == 0, done.err
    assert layers_now(fleet) == {
        "a": ["other:1", "deps:3", "more:2"],
        "b": ["deps:3"],
        "c": ["deps:3", "other:3"],
        "d": ["deps:3"],
    }
    assert ": done" in done.out.splitlines()[0]
    assert "wave 1: passed" in done.err
    again = millrace("layers", "rollout", "deps:3", "--execute", "--json")
    assert (again.status, again.document["plan"]["steps"]) == (0, [])


def test_a_wave_that_fails_is_rolled_back(fleet: LambdaCloud, millrace: Commands) -> None:
    before = layers_now(fleet)
    called = millrace.sleeping

    def failing(now_ms: int) -> None:
        called(now_ms)
        for name in "abcd":
            count(fleet, name, "Errors", now_ms - MINUTE_MS, 50)

    millrace.sleeping = failing
    done = millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--execute", "--json")
    assert done.status == 1
    found = done.document
    assert (found["state"], len(found["rolled_back"]), found["left"]) == ("rolled-back", 1, [])
    assert found["waves"][0]["gate"]["decision"] == "failed"
    assert "before it was 0.00 %" in found["reason"]
    assert layers_now(fleet) == before


def test_slower_cold_starts_are_rolled_back(fleet: LambdaCloud, millrace: Commands) -> None:
    start = millrace.now_ms
    for name in "abcd":
        before = {f"{REPORT}Init Duration: 30{i}.00 ms": start - (9 + i) * 1000 for i in range(9)}
        after = {f"{REPORT}Init Duration: 90{i}.00 ms": start + (9 + i) * 1000 for i in range(9)}
        lines(fleet, name, before | after)
    options = ("--min-inits", 5, "--baseline", "2h")
    done = millrace("layers", "rollout", "deps:3", *QUICK, *options, "--execute", "--json")
    assert done.document["state"] == "rolled-back"
    assert done.document["reason"].endswith("cold starts take 908 ms (p95); before it was 308 ms")


def test_too_little_data_holds_until_a_person_says_otherwise(
    fleet: LambdaCloud, millrace: Commands
) -> None:
    millrace.sleeping = lambda now_ms: None
    done = millrace("layers", "rollout", "deps:3", *QUICK, "--execute", "--json")
    assert (done.status, done.document["state"]) == (1, "held")
    rollout = done.document["rollout"]
    assert len(done.document["changed"]) == 1
    status = millrace("layers", "rollout", "status", rollout)
    assert (status.status, "held" in status.out) == (0, True)
    assert f"resume {rollout}" in status.out
    assert millrace("layers", "rollout", "resume", rollout).status == 1
    for _ in range(2):
        last = millrace("layers", "rollout", "resume", rollout, "--accept-too-little-data")
    assert last.status == 0, last.out
    assert "on the word of arn:aws:sts::123456789012" in last.out
    assert {"deps:3"} <= set(layers_now(fleet)["c"])


def test_a_rollback_is_printed_and_then_done(fleet: LambdaCloud, millrace: Commands) -> None:
    before = fleet_of(fleet)
    done = millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--execute", "--json")
    rollout, after = done.document["rollout"], fleet_of(fleet)
    printed = millrace("layers", "rollout", "rollback", rollout)
    assert printed.status == 0
    assert "- a: other:1, deps:1, more:2, alias live → 1" in printed.out
    assert "4 functions would be put back" in printed.out
    would = millrace("layers", "rollout", "rollback", rollout, "--json").document["would_put_back"]
    assert would == list(reversed(done.document["changed"]))
    assert fleet_of(fleet) == after
    undone = millrace("layers", "rollout", "rollback", rollout, "--execute")
    assert undone.status == 0, undone.err
    for name, was in before.items():
        now = shape(fleet, name)
        assert (now["layers"], now["aliases"]) == (was["layers"], was["aliases"])
    status = millrace("layers", "rollout", "status", rollout, "--json").document
    assert (status["state"], status["changed"]) == ("rolled-back", [])


def test_a_name_that_nobody_has_is_told(fleet: LambdaCloud, millrace: Commands) -> None:
    options = ("--alias", "prod", "--replace", "legacy")
    done = millrace("layers", "rollout", "deps:3", *options)
    assert "none of these functions has an alias prod, which --alias names" in done.out
    assert "layer:legacy, which --replace names; meant are those with the layer" in done.out


def test_a_rollback_that_leaves_something_says_so(fleet: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--execute", "--json")
    fleet.client().delete_layer_version(LayerName="deps", VersionNumber=2)
    undone = millrace("layers", "rollout", "rollback", done.document["rollout"], "--execute")
    assert undone.status == 1
    assert "d is left: its layers cannot be put back: deps:2 does not exist any more" in undone.out
    assert layers_now(fleet)["c"] == ["deps:1", "other:3"]


def test_plans_and_journals_that_were_changed_are_refused(
    fleet: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--output", plan)
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace('"min_invocations": 100', '"min_invocations": 1'))
    refused = millrace("layers", "apply", plan, "--execute")
    assert (refused.status, "was changed after it was made" in refused.err) == (1, True)
    plan.write_text(text, encoding="utf-8")
    millrace.now_ms += 25 * 60 * MINUTE_MS
    assert "was good until" in millrace("layers", "rollout", "resume", plan).err
    millrace.now_ms -= 25 * 60 * MINUTE_MS
    assert millrace("layers", "apply", plan, "--execute").status == 0
    journal = plan.with_name("plan.journal.jsonl")
    journal.write_text(journal.read_text().replace("layer:deps:1", "layer:deps:2", 1))
    refused = millrace("layers", "rollout", "rollback", plan, "--execute")
    assert (refused.status, "the journal was changed" in refused.err) == (1, True)
    assert layers_now(fleet)["b"] == ["deps:3"]


def test_a_plan_that_needs_an_approval_waits_for_it(
    fleet: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    options = (*ERRORS_ONLY, "--needs-approval", "--output", plan)
    millrace("layers", "rollout", "deps:3", *options)
    assert "needs an approval" in millrace("layers", "apply", plan, "--execute").err
    assert "who made it" in millrace("layers", "approve", plan).err
    become_somebody_else(fleet, millrace)
    assert millrace("layers", "approve", plan).status == 0
    assert millrace("layers", "apply", plan).status == 0
    assert millrace("layers", "apply", plan, "--execute").status == 0


def become_somebody_else(cloud: LambdaCloud, millrace: Commands) -> None:
    role = f"arn:aws:iam::{cloud.account}:role/reviewer"
    taken = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    millrace.environment |= {
        "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
        "AWS_SESSION_TOKEN": taken["SessionToken"],
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["deps:3", "--waves", "1,5%"], "ends with 5%"),
        (["deps:3", "--bake", "soon"], "is no time"),
        (["deps:3", "--tag", "team"], "is no tag"),
        (["deps:3", "--add"], "say which"),
        (["deps:3", "--parallel", 40], "1 to 16"),
        (["deps:3", "--min-invocations", 0], "is 1 at least"),
        (["deps:3", "--max-error-rise", "nan"], "is no rise of a rate"),
        (["deps:3", "--max-error-rise", "inf"], "is no rise of a rate"),
        (["deps:3", "--max-error-rise", "0.05"], "in tenths"),
        (["deps:3", "--max-error-rise", "-1"], "from 0 to 100"),
        (["deps:3", "--replace", "legacy:2"], "names a version"),
        (["deps:3", "--execute", "--output", "p.json"], "choose one"),
        (["resume", "nothing"], "is no rollout that is known here"),
        (["status", "ab"], "is no rollout that is known here"),
    ],
)
def test_a_wrong_command_does_nothing(
    fleet: LambdaCloud, millrace: Commands, arguments: list[Any], words: str
) -> None:
    done = millrace("layers", "rollout", *arguments)
    assert done.status == 2
    assert words in done.err
    assert {one["batch"] for one in fleet_of(fleet).values()} == {None}


def test_a_version_that_is_not_there_is_named(fleet: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "rollout", "deps:9", "--execute")
    assert done.status == 1
    assert "layer:deps:9 does not exist: it was deleted, or never published" in done.err


def test_a_region_that_is_not_there_is_named(fleet: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "rollout", "deps:3", "--region", "eu-west-9")
    assert (done.status, "There is no region 'eu-west-9'. Did you mean" in done.err) == (1, True)


def test_another_kind_of_plan_is_no_rollout(
    fleet: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    plan = tmp_path / "prune.json"
    millrace("layers", "prune", "--output", plan)
    done = millrace("layers", "rollout", "resume", plan)
    assert (done.status, "not a rollout" in done.err) == (1, True)


def test_help_shows_the_commands_and_the_usual_one(millrace: Commands) -> None:
    shown = millrace("layers", "rollout", "--help").out
    for word in ("to", "resume", "status", "stop", "rollback"):
        assert f" {word} " in shown
    assert "--waves" in millrace("layers", "rollout", "to", "--help").out


def test_what_is_held_is_told_and_the_rest_goes_on(
    cloud: LambdaCloud, millrace: Commands, fleet: LambdaCloud, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--output", plan)
    fleet.client().update_function_configuration(FunctionName="c", MemorySize=512)
    done = millrace("layers", "apply", plan, "--execute")
    assert done.status == 1
    assert "c is held: somebody else changed it since the plan was made (MemorySize)" in done.out
    assert "1 function held: plan the rollout again" in done.out
    assert layers_now(fleet)["d"] == ["deps:3"]
    again = millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--execute", "--json")
    assert (again.status, again.document["changed"]) == (0, ["c"])


def test_a_fleet_in_which_nobody_has_the_layer(cloud: LambdaCloud, millrace: Commands) -> None:
    layers(cloud, "deps", "other")
    function(cloud, "f", "other:1")
    done = millrace("layers", "rollout", "deps", "--execute")
    assert (done.status, "nothing to roll out" in done.err) == (0, True)
