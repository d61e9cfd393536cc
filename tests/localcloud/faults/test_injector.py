"""Faults strike by seed, service, operation and number of the call, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError

from localcloud.faults.injector import Decision, Injected, Injector, decide
from localcloud.faults.plan import Drop, Fail, FaultPlan, Rule, When

SLOW_DOWN = Fail("SlowDown", 503, "Please reduce your request rate.")


def half(seed: int = 1) -> FaultPlan:
    return FaultPlan(seed, (Rule("s3", "*", SLOW_DOWN, probability=0.5),))


@given(
    st.permutations([("s3", "PutObject")] * 20 + [("s3", "GetObject")] * 20 + [("sqs", "X")] * 5)
)
def test_the_order_in_which_operations_mix_does_not_matter(calls: list[tuple[str, str]]) -> None:
    injector = Injector(half())
    decisions: dict[tuple[str, str], list[Decision]] = {}
    for service, operation in calls:
        decisions.setdefault((service, operation), []).append(injector.next(service, operation))
    assert decisions["s3", "PutObject"] == [
        decide(half(), "s3", "PutObject", n) for n in range(1, 21)
    ]
    assert decisions["s3", "GetObject"] == [
        decide(half(), "s3", "GetObject", n) for n in range(1, 21)
    ]
    assert all(decision.effect is None for decision in decisions["sqs", "X"])


def test_seeds_and_operations_draw_differently() -> None:
    def struck(seed: int, operation: str) -> list[bool]:
        return [decide(half(seed), "s3", operation, n).effect is not None for n in range(1, 200)]

    assert struck(1, "PutObject") == struck(1, "PutObject")
    assert struck(1, "PutObject") != struck(2, "PutObject")
    assert struck(1, "PutObject") != struck(1, "GetObject")
    assert 70 < sum(struck(1, "PutObject")) < 130


def test_exact_calls_wildcards_and_the_first_rule_that_strikes() -> None:
    plan = FaultPlan(
        3,
        (
            Rule("dynamodb", "Put*", Drop(), When.AFTER, calls=(2, 3)),
            Rule("dynamodb", "*", SLOW_DOWN, calls=(3, 4)),
        ),
    )
    effects = [decide(plan, "dynamodb", "PutItem", n).effect for n in range(1, 6)]
    assert effects == [None, Drop(), Drop(), SLOW_DOWN, None]
    assert [decide(plan, "dynamodb", "PutItem", n).when for n in (3, 4)] == [
        When.AFTER,
        When.BEFORE,
    ]
    assert decide(plan, "dynamodb", "GetItem", 3).effect == SLOW_DOWN


def test_latencies_add_up_within_their_ranges() -> None:
    plan = FaultPlan(
        3, (Rule("s3", latency_ms=(10, 20)), Rule("s3", effect=Drop(), latency_ms=(100, 100)))
    )
    delays = [decide(plan, "s3", "GetObject", n).delay_s for n in range(1, 50)]
    assert all(0.110 <= delay <= 0.120 for delay in delays)
    assert len(set(delays)) > 40


def test_a_service_goes_down_and_up_while_calls_run() -> None:
    injector = Injector()
    assert injector.next("s3", "PutObject") == Decision(1)
    injector.down("s3", "SlowDown")
    assert injector.services_down == ("s3",)
    assert injector.next("s3", "PutObject") == Decision(2, effect=SLOW_DOWN)
    assert injector.next("sqs", "SendMessage").effect is None
    injector.up("s3")
    injector.up("s3")
    assert injector.next("s3", "PutObject") == Decision(3)
    with pytest.raises(ConfigurationError, match="'NoSuchError'"):
        injector.down("s3", "NoSuchError")


def test_calls_are_counted_across_plans_and_what_struck_is_reported() -> None:
    injector = Injector(FaultPlan(0, (Rule("s3", "GetObject", SLOW_DOWN, calls=(1,)),)))
    injector.next("s3", "GetObject")
    injector.use(FaultPlan(0, (Rule("s3", "*", Drop(), calls=(1, 2), latency_ms=(1, 1)),)))
    injector.next("s3", "GetObject")
    injector.next("s3", "GetObject")
    assert injector.calls() == {("s3", "GetObject"): 3}
    assert injector.injected() == (
        Injected("s3", "GetObject", "SlowDown (503), before", 1),
        Injected("s3", "GetObject", "connection dropped, before", 1),
        Injected("s3", "GetObject", "latency", 1),
    )
