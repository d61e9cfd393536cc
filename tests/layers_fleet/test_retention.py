"""What stays, by rules alone: the pure half of the clean-up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError, PlanRefused
from millrace.lambda_layers import retention
from millrace.lambda_layers.inventory import (
    FunctionVersion,
    Inventory,
    LayerArn,
    LayerUse,
    LayerVersion,
)
from millrace.lambda_layers.retention import DAY_MS, Rules

NOW_MS = 1_772_366_400_000
ACCOUNT = "123456789012"


def version(
    number: int, name: str = "a", age_days: float = 100, region: str = "r-1"
) -> LayerVersion:
    arn = LayerArn("aws", region, ACCOUNT, name, number)
    return LayerVersion(arn, NOW_MS - round(age_days * DAY_MS))


def function(name: str, *arns: LayerArn, number: str = "$LATEST") -> FunctionVersion:
    return FunctionVersion(
        arn=f"arn:aws:lambda:r-1:{ACCOUNT}:function:{name}",
        name=name,
        region="r-1",
        version=number,
        runtime="python3.13",
        architecture="arm64",
        layers=tuple(LayerUse(str(arn), 1) for arn in arns),
        modified_ms=NOW_MS,
        memory_mb=128,
        code_bytes=1,
        revision="x",
    )


def inventory(layers: list[LayerVersion], functions: list[FunctionVersion]) -> Inventory:
    return Inventory(ACCOUNT, ("r-1",), NOW_MS, tuple(functions), tuple(layers))


VERSIONS = st.lists(
    st.builds(version, st.integers(1, 30), st.sampled_from("ab"), st.integers(0, 60)),
    unique_by=lambda one: one.arn,
    max_size=20,
)


@given(VERSIONS, st.data(), st.integers(1, 6), st.integers(0, 40))
def test_what_any_rule_keeps_stays_and_all_else_goes(
    layers: list[LayerVersion], data: st.DataObject, keep: int, grace: int
) -> None:
    arns = [one.arn for one in layers]
    some = st.sets(st.sampled_from(arns)) if arns else st.just(set())
    used, shared, hidden = data.draw(some), data.draw(some), data.draw(some)
    rules = Rules(keep=keep, grace_days=grace)
    there = inventory(layers, [function("f", arn, number="3") for arn in sorted(used)])
    first = retention.verdicts(there, rules, NOW_MS)
    answers = {
        str(one.version.arn): None if one.version.arn in hidden else one.version.arn in shared
        for one in first
        if not one.stays
    }
    plan = retention.plan(retention.after_asking(first, answers), there, rules, {})
    newest = {
        arn
        for name in "ab"
        for arn in sorted((a for a in arns if a.name == name), reverse=True)[:keep]
    }
    young = {one.arn for one in layers if NOW_MS - one.created_ms < grace * DAY_MS}
    staying = newest | used | shared | hidden | young
    assert [step.target for step in plan.steps] == [str(a) for a in sorted(set(arns) - staying)]
    assert all(step.destroys for step in plan.steps)


def test_every_reason_is_told() -> None:
    layers = [version(1), version(2, age_days=3), version(3)]
    users = [function(f"f{n}", layers[2].arn) for n in range(5)]
    found = retention.verdicts(inventory(layers, users), Rules(keep=1), NOW_MS)
    assert {one.version.arn.version: one.reasons for one in found} == {
        3: ("it is the newest", "f0:$LATEST, f1:$LATEST, f2:$LATEST and 2 more have it"),
        2: ("it is younger than 14 days",),
        1: (),
    }


def test_the_same_number_elsewhere_is_another_version() -> None:
    layers = [version(1), version(2), version(1, region="r-2"), version(2, region="r-2")]
    found = retention.verdicts(inventory(layers, [function("f", layers[0].arn)]), Rules(1), NOW_MS)
    assert [str(one.version.arn) for one in found if not one.stays] == [str(layers[2].arn)]


def test_the_limit_is_for_the_plan_as_a_whole() -> None:
    rules = Rules(keep=1, grace_days=0, limit=2)
    layers = [version(number) for number in range(1, 5)]
    there = inventory(layers, [])
    first = retention.verdicts(there, rules, NOW_MS)
    shared = {str(one.version.arn): False for one in first if not one.stays}
    plan = retention.plan(retention.after_asking(first, shared), there, rules, {})
    with pytest.raises(PlanRefused, match="deletes 3 versions, and 2 is the limit") as refused:
        retention.check_limit(plan, rules.limit)
    assert refused.value.code == "above-the-limit"
    retention.check_limit(plan, 3)


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"grace_days": -1}, {"limit": -1}])
def test_rules_that_are_none_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        Rules(**wrong)
