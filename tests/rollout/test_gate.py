"""The gate: healthy passes, worse fails, and what is not seen is neither."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.lambda_layers.gate import Decision, Health, Rules, judge, percentile

RULES = Rules()
FINE = Health(1000, 2, (300.0, 310.0, 320.0) * 10)
HEALTH = st.builds(
    lambda calls, part, inits: Health(calls, round(calls * part), tuple(inits)),
    st.integers(0, 5000),
    st.floats(0, 1),
    st.lists(st.floats(1, 10_000), max_size=30),
)


def test_the_same_as_before_passes() -> None:
    found = judge({"f": FINE, "g": FINE}, {"f": FINE, "g": FINE}, RULES)
    assert found.decision is Decision.PASSED
    assert found.figures == {
        "invocations_before": 2000, "errors_before": 4, "invocations": 2000, "errors": 4,
        "inits": 60, "inits_before": 60, "init_p95_ms": 320, "init_p95_before_ms": 320,
    }  # fmt: skip


@given(HEALTH, HEALTH)
def test_too_few_invocations_never_pass(before: Health, after: Health) -> None:
    found = judge({"f": before}, {"f": after}, RULES)
    if min(before.invocations, after.invocations) < RULES.min_invocations:
        assert found.decision is not Decision.PASSED
    if min(len(before.inits_ms), len(after.inits_ms)) < RULES.min_inits:
        assert found.decision is not Decision.PASSED
    assert (found.decision is Decision.PASSED) == (not found.reasons)


@given(HEALTH)
def test_no_data_at_all_is_no_pass(before: Health) -> None:
    assert judge({"f": before}, {}, RULES).decision is not Decision.PASSED
    assert judge({}, {"f": before}, RULES).decision is not Decision.PASSED


@given(HEALTH, HEALTH)
def test_more_errors_never_make_it_better(before: Health, after: Health) -> None:
    worse = replace(after, errors=after.invocations)
    if judge({"f": before}, {"f": after}, RULES).decision is Decision.FAILED:
        assert judge({"f": before}, {"f": worse}, RULES).decision is Decision.FAILED


def test_an_error_rate_that_rises_fails() -> None:
    before = {name: Health(100, 1, (1.0,) * 10) for name in "fg"}
    after = {name: Health(100, 2, (1.0,) * 10) for name in "fg"}
    assert judge(before, after, RULES).decision is Decision.PASSED  # by one point, as allowed
    after["g"] = Health(100, 3, (1.0,) * 10)
    found = judge(before, after, RULES)
    assert found.decision is Decision.FAILED
    assert found.reasons == ("g fails in 3 of 100 invocations, 3.00 %; before it was 1.00 %",)
    spread = {"f": Health(100, 2), "g": Health(19, 2)}
    found = judge(before, spread, replace(RULES, min_inits=0))
    assert found.reasons == (
        "the wave fails in 4 of 119 invocations, 3.36 %; before it was 1.00 %",
    )


def test_one_broken_function_is_not_lost_among_many() -> None:
    before = {f"f{n}": FINE for n in range(250)}
    after = before | {"f7": Health(100, 100)}
    found = judge(before, after, RULES)
    assert found.decision is Decision.FAILED
    assert found.reasons == ("f7 fails in 100 of 100 invocations, 100.00 %; before it was 0.20 %",)


def test_a_function_that_always_failed_is_no_reason() -> None:
    broken = Health(500, 500, (300.0,) * 20)
    assert judge({"f": broken}, {"f": broken}, RULES).decision is Decision.PASSED


def test_errors_are_told_before_there_is_enough_to_pass() -> None:
    found = judge({"f": FINE}, {"f": Health(30, 20)}, RULES)
    assert found.decision is Decision.FAILED


def test_slower_cold_starts_fail() -> None:
    after = {"f": replace(FINE, inits_ms=(500.0,) * 20)}
    found = judge({"f": FINE}, after, RULES)
    assert found.reasons == ("cold starts take 500 ms (p95); before it was 320 ms",)
    assert judge({"f": FINE}, after, replace(RULES, min_inits=0)).decision is Decision.PASSED
    assert judge({"f": FINE}, after, RULES, inits=False).decision is Decision.PASSED


def test_another_mix_of_functions_is_no_slower_layer() -> None:
    before = {"quick": Health(500, 0, (100.0,) * 95), "slow": Health(500, 0, (2000.0,) * 5)}
    after = {"quick": Health(500, 0, (100.0,) * 5), "slow": Health(500, 0, (2000.0,) * 95)}
    assert judge(before, after, RULES).decision is Decision.PASSED
    slower = {"quick": before["quick"], "slow": Health(500, 0, (2600.0,) * 95)}
    assert judge(before, slower, RULES).decision is Decision.FAILED


def test_cold_starts_of_functions_that_had_none_before_do_not_count() -> None:
    before = {"f": replace(FINE, inits_ms=())}
    found = judge(before, {"f": replace(FINE, inits_ms=(9000.0,) * 50)}, RULES)
    assert found.decision is Decision.TOO_LITTLE
    assert "0 cold starts" in found.reasons[0]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_percentile_is_a_value_with_that_part_at_or_below_it(
    values: list[float], quantile: float
) -> None:
    found = percentile(((value, 1.0) for value in values), quantile)
    assert found in values
    assert sum(value <= found for value in values) >= quantile * len(values) - 1e-6
    assert sum(value < found for value in values) < quantile * len(values) + 1e-6


@pytest.mark.parametrize(
    "rule", [{"min_invocations": 0}, {"bake_s": -1}, {"poll_s": 0}, {"baseline_s": 0}]
)
def test_rules_that_would_judge_nothing_are_refused(rule: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="is no rule of a health gate"):
        Rules(**rule)


def test_rules_survive_a_plan() -> None:
    rules = Rules(bake_s=1, min_inits=0)
    assert Rules(**rules.document) == rules
