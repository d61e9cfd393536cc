"""The process is killed, or interrupted, for real; another one takes the rollout up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localcloud.faults.loading import parse
from localcloud.lambda_control.running import LambdaCloud
from tests.architecture.source import ROOT
from tests.rollout.fleets import fleet_of, function, layers
from tests.rollout.test_evidence import count
from tests.rollout.typing_commands import Commands

COMMAND = (sys.executable, "-c", "from cli.main import main; main()")
NAMES = [f"f{number}" for number in range(6)]
OPTIONS = ("--waves", "100%", "--parallel", 1, "--bake", "0", "--patience", "0", "--min-inits", 0)


@pytest.fixture
def plan(cloud: LambdaCloud, millrace: Commands, tmp_path: Path) -> Path:
    """A plan for six functions; nobody calls them, so its one wave is held at its end."""
    layers(cloud, "deps")
    for name in NAMES:
        function(cloud, name, "deps:1", alias="live")
    path = tmp_path / "plan.json"
    assert millrace("layers", "rollout", "to", "deps", *OPTIONS, "--output", path).status == 0
    return path


def start(cloud: LambdaCloud, *arguments: object) -> subprocess.Popen[bytes]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **cloud.environment,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers/core"))),
    }
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def strike(cloud: LambdaCloud, operation: str, call: int, when: str = "after") -> None:
    """Let the process end at a call: see `on_crash`."""
    rule = {"service": "lambda", "operation": operation, "calls": [call], "when": when}
    cloud.control.faults.use(parse({"rule": [{**rule, "crash": True}]}))


def given(cloud: LambdaCloud) -> int:
    return sum("deps:3" in one["layers"] for one in fleet_of(cloud).values())


@pytest.mark.parametrize(
    ("operation", "call"),
    [("UpdateFunctionConfiguration", 3), ("PublishVersion", 2), ("TagResource", 4)],
)
def test_a_killed_process_is_taken_up(
    cloud: LambdaCloud, millrace: Commands, plan: Path, operation: str, call: int
) -> None:
    strike(cloud, operation, call)
    process = start(cloud, "layers", "apply", plan, "--execute")
    cloud.control.on_crash = lambda: os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert given(cloud) == call
    status = millrace("layers", "rollout", "status", plan, "--json").document
    assert (status["state"], len(status["under_way"])) == ("interrupted", 1)
    for name in NAMES:
        count(cloud, name, "Invocations", millrace.now_ms - 3_600_000, 100)
    # Nobody calls the functions now, and somebody says that this is all right.
    done = millrace("layers", "rollout", "resume", plan, "--accept-too-little-data", "--json")
    assert done.status == 0, done.err
    assert sorted(done.document["changed"]) == NAMES
    assert {str(one["aliases"]) for one in fleet_of(cloud).values()} == {"{'live': '2'}"}
    changes = cloud.control.faults.calls()["lambda", "UpdateFunctionConfiguration"]
    assert changes == len(NAMES)


def test_a_killed_process_can_be_taken_back(
    cloud: LambdaCloud, millrace: Commands, plan: Path
) -> None:
    before = {name: (one["layers"], one["aliases"]) for name, one in fleet_of(cloud).items()}
    strike(cloud, "UpdateAlias", 4)
    process = start(cloud, "layers", "apply", plan, "--execute")
    cloud.control.on_crash = lambda: os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert given(cloud) == 4
    done = millrace("layers", "rollout", "rollback", plan, "--execute", "--json")
    assert done.status == 0, done.err
    assert len(done.document["rolled_back"]) == 4  # the one that was under way as well
    after = {name: (one["layers"], one["aliases"]) for name, one in fleet_of(cloud).items()}
    assert after == before


def test_an_interrupted_process_begins_no_other_function(
    cloud: LambdaCloud, millrace: Commands, plan: Path
) -> None:
    strike(cloud, "TagResource", 2)
    process = start(cloud, "layers", "apply", plan, "--execute")
    cloud.control.on_crash = lambda: os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert given(cloud) in (2, 3)  # the one that it was at, and perhaps the one after
    status = millrace("layers", "rollout", "status", plan, "--json").document
    assert status["state"] == "interrupted"


def test_two_processes_do_not_carry_out_the_same_rollout(
    cloud: LambdaCloud, millrace: Commands, plan: Path
) -> None:
    held = threading.Event()

    def hold() -> None:
        os.kill(process.pid, signal.SIGSTOP)
        held.set()

    strike(cloud, "TagResource", 1)
    process = start(cloud, "layers", "apply", plan, "--execute")
    cloud.control.on_crash = hold
    try:
        assert held.wait(60)
        refused = millrace("layers", "rollout", "resume", plan)
        assert refused.status == 1
        assert "is being written by another process" in refused.err
        status = millrace("layers", "rollout", "status", plan, "--json").document
        assert status["state"] == "running"
    finally:
        process.kill()
        process.wait(60)
    assert given(cloud) == 1
