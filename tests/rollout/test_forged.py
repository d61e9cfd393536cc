"""A plan that says what no rollout says is refused as a whole, though its hash is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.lambda_control.running import LambdaCloud
from tests.plans.forging import Change, forged, with_, without
from tests.rollout.fleets import fleet_of, small
from tests.rollout.typing_commands import Commands

FIRST = ("steps", 0)
ELSEWHERE = "arn:aws:lambda:eu-west-1:210987654321:function:d"
EVIL = "arn:aws:lambda:eu-west-1:210987654321:layer:deps:3"


@pytest.mark.parametrize(
    "change",
    [
        *(without("asked", name) for name in ("layer", "gate", "parallel", "stop", "waves")),
        with_(["deps"], "asked"),
        with_(0, "asked", "parallel"),
        with_("many", "asked", "parallel"),
        with_(0, "asked", "gate", "min_invocations"),
        with_(1, "asked", "gate", "bogus"),
        with_("1,5%", "asked", "waves"),
        with_([], "regions"),
        *(
            without(*FIRST, "arguments", name)
            for name in ("function", "to", "from", "aliases", "log_group", "settings", "wave")
        ),
        *(without(*FIRST, "before", name) for name in ("layers", "revision", "aliases")),
        with_({}, *FIRST, "after"),
        with_([], *FIRST, "before"),
        with_([EVIL], *FIRST, "after", "layers"),
        with_("first", *FIRST, "id"),
        with_("2", *FIRST, "id"),
        with_("delete-layer-version", *FIRST, "action"),
        with_(ELSEWHERE, *FIRST, "target"),
        with_("us-east-1", *FIRST, "region"),
        with_("one", *FIRST, "arguments", "wave"),
        with_({"live": {"version": "7"}}, *FIRST, "arguments", "aliases"),
    ],
)
def test_it_is_refused_before_anything_is_done(
    cloud: LambdaCloud, millrace: Commands, tmp_path: Path, change: Change
) -> None:
    small(cloud)
    plan, before = tmp_path / "plan.json", fleet_of(cloud)
    millrace("layers", "rollout", "deps:3", "--output", plan)
    document = json.loads(plan.read_text(encoding="utf-8"))
    plan.write_text(forged(document, change), encoding="utf-8")
    for command in (
        ("apply", plan),
        ("apply", plan, "--execute"),
        ("rollout", "status", plan, "--json"),
        ("rollout", "rollback", plan),
        ("rollout", "stop", plan),
    ):
        done = millrace("layers", *command)
        assert done.status == 1
        assert "This is no plan" in done.err
        assert "Unexpected" not in done.err
    assert fleet_of(cloud) == before
    assert sorted(path.name for path in tmp_path.glob("plan*")) == ["plan.json"]
