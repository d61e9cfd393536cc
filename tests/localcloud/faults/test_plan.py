"""Plans can be written, read and printed, and a wrong one says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError

from localcloud.faults import loading
from localcloud.faults.loading import dump, load, parse
from localcloud.faults.plan import Crash, Drop, Fail, FaultPlan, Rule, When

TOML = loading.__doc__ or ""


def test_the_example_in_the_documentation_is_a_plan(tmp_path: Path) -> None:
    example = TOML[TOML.index("    seed = 7") :]
    path = tmp_path / "faults.toml"
    path.write_text(example, encoding="utf-8")
    plan = load(path)
    assert plan.seed == 7
    assert [rule.effect for rule in plan.rules] == [
        Fail(
            "ProvisionedThroughputExceededException",
            400,
            "The level of configured provisioned throughput was exceeded",
        ),
        Drop(),
        None,
        Crash(),
    ]
    assert plan.rules[0].probability == 0.05
    assert plan.rules[1].calls == (100, 200)
    assert plan.rules[1].when is When.AFTER
    assert plan.rules[2].latency_ms == (10.0, 200.0)


def test_a_plan_is_printed_for_people() -> None:
    slow = Rule("s3", latency_ms=(10, 200))
    some = Rule("dynamodb", "Put*", Fail("SlowDown", 503, ""), probability=0.05)
    exact = Rule("kinesis", "PutRecords", Drop(), When.AFTER, calls=(3, 4))
    assert str(FaultPlan(7, (slow, some, exact))) == (
        "faults under seed 7:\n"
        "  s3.*: every call: 10-200 ms slower\n"
        "  dynamodb.Put*: 5.000% of calls: SlowDown (503), before execution\n"
        "  kinesis.PutRecords: calls 3, 4: connection dropped, after execution"
    )
    assert str(FaultPlan()) == "no faults"


effects = st.one_of(
    st.builds(Fail, st.text("ABCab", min_size=1), st.integers(400, 599), st.text(max_size=9)),
    st.just(Drop()),
    st.just(Crash()),
)
latencies = st.tuples(st.floats(0, 9), st.floats(9.5, 99))
rules = st.builds(
    Rule,
    st.sampled_from(["s3", "dynamodb"]),
    st.sampled_from(["*", "PutItem", "Get*"]),
    effects,
    st.sampled_from(When),
    st.floats(0, 1),
    st.lists(st.integers(1, 9), max_size=3).map(tuple),
    latencies,
)


@given(st.builds(FaultPlan, st.integers(0, 99), st.lists(rules, max_size=4).map(tuple)))
def test_a_plan_survives_json(plan: FaultPlan) -> None:
    assert parse(json.loads(json.dumps(dump(plan)))) == plan


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], r"the top level in a fault plan is \[\]; it must be a table"),
        ({"sed": 1}, "Key 'sed' is unknown in a fault plan; allowed are seed, rule"),
        ({"seed": True}, "seed in a fault plan is True; it must be a whole number"),
        ({"rule": {}}, "rule in a fault plan is {}; it must be a list of tables"),
        ({"rule": [{"service": 1}]}, "service in a fault plan is 1; it must be the name"),
        ({"rule": [{"service": "s3"}]}, "A fault rule for 's3' does nothing: give it error"),
        ({"rule": [{"service": "s3", "drop": True, "crash": True}]}, "only one of drop and crash"),
        ({"rule": [{"service": "s3", "drop": True, "when": "now"}]}, "'before' or 'after'"),
        ({"rule": [{"service": "s3", "drop": True, "chance": 1}]}, "Key 'chance' is unknown"),
        ({"rule": [{"service": "s3", "drop": True, "calls": [0]}]}, "counted from 1"),
        ({"rule": [{"service": "s3", "drop": True, "calls": 5}]}, "a list of whole numbers"),
        ({"rule": [{"service": "s3", "drop": True, "probability": 2}]}, "a number from 0 to 1"),
        ({"rule": [{"service": "s3", "drop": True, "probability": "x"}]}, "must be a number"),
        ({"rule": [{"service": "s3", "latency_ms": [9, 1]}]}, "lowest first"),
        ({"rule": [{"service": "s3", "latency_ms": "slow"}]}, r"a range like \[10, 200\]"),
        ({"rule": [{"service": "s3", "error": "Odd"}]}, "status from 400 to 599 for error 'Odd'"),
        ({"rule": [{"service": "s3", "error": "SlowDown", "status": 200}]}, "from 400 to 599"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(data: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse(data)


def test_errors_of_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    with pytest.raises(ConfigurationError, match=r"faults\.json cannot be read"):
        load(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"faults\.json cannot be read"):
        load(path)
    path.write_text('{"sed": 1}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"faults\.json: Key 'sed'"):
        load(path)
