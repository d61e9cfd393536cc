"""The plan that the page shows is one."""

from __future__ import annotations

from pathlib import Path

from millrace.lambda_layers import rollout
from millrace.plans import plan as plans

SAMPLE = Path(__file__).parents[2] / "docs/layers-rollout-plan.json"


def test_the_sample_is_a_plan_that_nobody_has_changed() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    plan = plans.read(text)
    assert plan.kind == rollout.KIND
    assert plans.write(plan) == text
    assert rollout.rules_of(plan).bake_s == 900
    waves = [rollout.wave_of(step) for step in plan.steps]
    assert waves == sorted(waves)
    assert set(plan.steps[0].arguments) >= {"function", "to", "from", "aliases", "log_group"}
