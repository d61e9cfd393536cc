"""Plans that `millrace layers` has stored: their journals, and plans that somebody has written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from millrace.plans import plan as plans

from localcloud.lambda_control.running import LambdaCloud
from tests.layers_fleet.test_prune import layered, left
from tests.layers_fleet.typing_commands import Commands

__all__ = ["layered"]


def test_a_plans_file_may_be_used_again_once_it_is_carried_out(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    for keep, rest in ((4, [2, 3, 7, 8, 9, 10]), (3, [2, 3, 8, 9, 10])):
        assert millrace("layers", "prune", "--keep", keep, "--output", path).status == 0
        done = millrace("layers", "apply", path, "--execute")
        assert (done.status, left(layered)) == (0, rest), done.err
    assert len([*tmp_path.glob("plan.*.jsonl")]) == 2, "the first journal is kept"
    journal = tmp_path / "plan.journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    done = millrace("layers", "prune", "--keep", 1, "--output", path)
    assert (done.status, "not carried out to its end" in done.err) == (1, True)


@pytest.mark.parametrize("asked", [{}, {"limit": "many"}])
def test_a_plan_without_a_limit_deletes_nothing(
    layered: LambdaCloud, millrace: Commands, tmp_path: Path, asked: dict[str, str]
) -> None:
    path = tmp_path / "plan.json"
    millrace("layers", "prune", "--keep", 3, "--output", path)
    made = plans.read(path.read_text(encoding="utf-8"))
    path.write_text(plans.write(replace(made, asked=asked)), encoding="utf-8")
    done = millrace("layers", "apply", path, "--execute")
    assert (done.status, "states no limit" in done.err) == (1, True), done.err
    assert left(layered) == list(range(1, 11))
