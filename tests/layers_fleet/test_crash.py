"""The process is killed around a change, for real; the same plan then goes on from its journal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.faults.loading import parse
from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.architecture.source import ROOT
from tests.layers_fleet.typing_commands import Commands

COMMAND = (sys.executable, "-c", "from cli.main import main; main()")
DELETED = 5


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


def events(journal: Path) -> list[tuple[str, str]]:
    lines = journal.read_text(encoding="utf-8").splitlines()
    return [(one["event"], one["step"]) for one in map(json.loads, lines)]


@pytest.mark.parametrize(("call", "when"), [(1, "before"), (3, "after"), (5, "after")])
def test_a_killed_process_has_announced_what_it_was_doing_and_another_goes_on(
    cloud: LambdaCloud, millrace: Commands, tmp_path: Path, call: int, when: str
) -> None:
    for number in range(DELETED + 5):
        seeding.layer(cloud.world, cloud.where, "deps", content=bytes([number]), age_days=50)
    path, journal = tmp_path / "plan.json", tmp_path / "plan.journal.jsonl"
    assert millrace("layers", "prune", "--output", path).status == 0
    rule = {"service": "lambda", "operation": "DeleteLayerVersion", "calls": [call], "when": when}
    cloud.control.faults.use(parse({"rule": [{**rule, "crash": True}]}))
    process = start(cloud, "layers", "apply", path, "--execute")
    cloud.control.on_crash = lambda: os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert events(journal)[-1] == ("intent", str(call))
    left = [one["Version"] for one in versions(cloud)]
    gone = call if when == "after" else call - 1
    assert len(left) == 5 + DELETED - gone
    done = millrace("layers", "apply", path, "--execute", "--json")
    assert done.status == 0, done.err
    assert [one["Version"] for one in versions(cloud)] == [10, 9, 8, 7, 6]
    finished = [step for event, step in events(journal) if event == "done"]
    assert finished == ["1", "2", "3", "4", "5"]  # each once
    # Nothing was asked to be deleted twice, but for the request that nobody heard of.
    asked = cloud.control.faults.calls()["lambda", "DeleteLayerVersion"]
    assert asked == DELETED + (when == "before")


def versions(cloud: LambdaCloud) -> list[dict[str, int]]:
    return list(cloud.client().list_layer_versions(LayerName="deps")["LayerVersions"])
