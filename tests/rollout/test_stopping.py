"""The stop button of a rollout, as it is pressed and released."""

from __future__ import annotations

import json
from pathlib import Path

from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.test_command import ERRORS_ONLY, layers_now
from tests.rollout.typing_commands import Commands


def test_it_is_stopped_and_resumed(fleet: LambdaCloud, millrace: Commands, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--output", plan).status == 0
    rollout = json.loads(plan.read_text(encoding="utf-8"))["hash"][:12]
    called = millrace.sleeping

    def stop(now_ms: int) -> None:
        millrace.sleeping = called
        assert millrace("layers", "rollout", "stop", plan).status == 0

    millrace.sleeping = stop
    done = millrace("layers", "apply", plan, "--execute", "--json")
    assert (done.status, done.document["state"]) == (1, "stopped")
    assert done.document["rollout"] == rollout
    assert "says stop; while wave 1 was watched" in done.document["reason"]
    # Its id will do, wherever its plan is.
    assert "stopped" in millrace("layers", "rollout", "status", rollout).out
    resumed = millrace("layers", "rollout", "resume", rollout)
    assert resumed.status == 0, resumed.err
    assert layers_now(fleet)["d"] == ["deps:3"]


def test_a_parameter_stops_it_from_anywhere(fleet: LambdaCloud, millrace: Commands) -> None:
    name, ssm = "/millrace/rollouts/stop", fleet.client("ssm")
    ssm.put_parameter(Name=name, Value="stop", Type="String")
    options = (*ERRORS_ONLY, "--stop-parameter", name, "--execute", "--json")
    done = millrace("layers", "rollout", "deps:3", *options)
    assert (done.document["state"], done.document["changed"]) == ("stopped", [])
    assert f"SSM parameter {name} says stop" in done.document["reason"]
    rollout = done.document["rollout"]
    # What somebody else has set is not ours to take away …
    assert millrace("layers", "rollout", "resume", rollout).status == 1
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "stop"
    # … but for what `stop` has set for this one; another one's does not concern it.
    assert millrace("layers", "rollout", "stop", rollout, "--json").status == 0
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == f"stop {rollout}"
    ssm.put_parameter(Name=name, Value="stop 0123456789ab", Type="String", Overwrite=True)
    assert millrace("layers", "rollout", "resume", rollout).status == 0


def test_resume_releases_what_stop_has_pressed(fleet: LambdaCloud, millrace: Commands) -> None:
    name = "/millrace/rollouts/stop"
    millrace.sleeping = lambda now_ms: None
    options = (*ERRORS_ONLY, "--stop-parameter", name, "--execute", "--json")
    rollout = millrace("layers", "rollout", "deps:3", *options).document["rollout"]
    assert millrace("layers", "rollout", "stop", rollout).status == 0
    done = millrace("layers", "rollout", "resume", rollout, "--json")
    assert done.document["state"] == "held"  # by its gate
    assert fleet.client("ssm").describe_parameters()["Parameters"] == []


def test_what_is_at_its_end_or_not_begun_is_not_said_to_stop(
    fleet: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--output", plan)
    nothing = millrace("layers", "rollout", "rollback", plan)
    assert (nothing.status, "has not begun: there is nothing to put back" in nothing.out) == (
        0,
        True,
    )
    stopped = millrace("layers", "rollout", "stop", plan)
    assert (stopped.status, "does not begin while" in stopped.out) == (0, True)
    status = millrace("layers", "rollout", "status", plan)
    assert "the stop button is pressed" in status.out
    assert "of 4 functions, 5%" not in status.out  # two waves, and both have functions
    assert millrace("layers", "rollout", "resume", plan).status == 0
    stopped = millrace("layers", "rollout", "stop", plan)
    assert (stopped.status, "is done: there is nothing to stop" in stopped.out) == (0, True)
    document = millrace("layers", "rollout", "stop", plan, "--json").document
    assert (document["state"], document["stop"]) == ("done", None)
    assert not plan.with_name("plan.stop").exists()
    assert millrace("layers", "rollout", "rollback", plan, "--execute").status == 0


def test_a_rollback_is_not_stopped(fleet: LambdaCloud, millrace: Commands) -> None:
    done = millrace("layers", "rollout", "deps:3", *ERRORS_ONLY, "--execute", "--json")
    rollout = done.document["rollout"]
    fleet.world.denied.add(("*", "*", "UpdateFunctionConfiguration"))
    assert millrace("layers", "rollout", "rollback", rollout, "--execute").status == 1
    stopped = millrace("layers", "rollout", "stop", rollout)
    assert (stopped.status, "is being rolled back" in stopped.out) == (1, True)
    fleet.world.denied.clear()
    assert millrace("layers", "rollout", "resume", rollout, "--json").document["left"] == []
    assert layers_now(fleet)["d"] == ["deps:2"]
