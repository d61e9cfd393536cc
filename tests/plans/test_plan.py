"""A plan is read as it was written, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import PlanRefused
from millrace.plans import approval
from millrace.plans.approval import Approval
from millrace.plans.plan import Plan, Step, check, read, write

from tests.plans.making import ACCOUNT, HOUR_MS, NOW_MS, plan, step

KEY = b"a key of the test"
TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
STATES = st.dictionaries(TEXT, JSON, max_size=3)
STEPS = st.builds(
    Step, TEXT, TEXT, TEXT, TEXT, TEXT, STATES, STATES, STATES, st.tuples(TEXT), st.booleans()
)
TIMES = st.integers(0, 4_000_000_000_000)
PLANS = st.builds(
    Plan,
    TEXT,
    TEXT,
    st.tuples(TEXT),
    TIMES,
    TIMES,
    STATES,
    st.lists(STEPS, max_size=3).map(tuple),
    st.tuples(TEXT),
    st.booleans(),
    TEXT,
)


@given(PLANS, st.sampled_from([None, KEY]))
def test_what_is_written_is_read(plan: Plan, key: bytes | None) -> None:
    assert read(write(plan, key), key) == plan
    assert read(write(plan, key), key).hash == plan.hash


def test_another_spelling_of_the_same_plan_is_the_same_plan() -> None:
    made = plan(step("a", 1, 2))
    document = json.loads(write(made))
    spelled = json.dumps(dict(reversed(document.items())), indent=7)
    assert read(spelled) == made


def edit(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        inner: Any = document
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        edit("account", value="210987654321"),
        edit("expires_at", value="2036-01-01T00:00:00.000Z"),
        edit("needs_approval", value=False),
        edit("steps", 0, "after", "value", value=3),
        edit("steps", 0, "target", value="other"),
        edit("steps", value=[]),
        edit("asked", "most", value=1000),
        edit("more", value="of something"),
        edit("hash", value="0" * 64),
        edit("hash", value=None),
    ],
)
def test_a_changed_plan_is_refused_and_named(change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(write(plan(step("a", 1, 2), needs_approval=True)))
    change(document)
    with pytest.raises(PlanRefused, match="was changed after it was made") as refused:
        read(json.dumps(document))
    assert refused.value.code == "tampered"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "millrace-plan/9"}', "null", "[" * 100_000]
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        read(text)
    assert refused.value.code in ("unreadable", "unknown-format")


def test_a_step_with_a_field_too_few_or_too_many_is_refused() -> None:
    for change in (edit("steps", 0, "extra", value=1), lambda d: d["steps"][0].pop("why")):
        document = json.loads(write(plan(step("a", 1, 2))))
        change(document)
        with pytest.raises(PlanRefused) as refused:
            read(json.dumps(document))
        assert refused.value.code == "unreadable"


def test_with_a_key_a_forged_plan_is_refused_although_its_hash_is_right() -> None:
    forged = write(replace(plan(step("a", 1, 2)), account="210987654321"))
    assert read(forged).account == "210987654321"
    with pytest.raises(PlanRefused) as refused:
        read(forged, KEY)
    assert refused.value.code == "unsealed"
    with pytest.raises(PlanRefused) as refused:
        read(write(plan(), b"another key"), KEY)
    assert refused.value.code == "wrong-seal"


@pytest.mark.parametrize(
    ("account", "now_ms", "code"),
    [
        (ACCOUNT, NOW_MS, None),
        (ACCOUNT, NOW_MS + HOUR_MS - 1, None),
        (ACCOUNT, NOW_MS + HOUR_MS, "expired"),
        (ACCOUNT, NOW_MS - HOUR_MS, "not-yet"),
        ("210987654321", NOW_MS, "other-account"),
    ],
)
def test_a_plan_is_for_one_account_and_one_time(
    account: str, now_ms: int, code: str | None
) -> None:
    if code is None:
        check(plan(), account, now_ms)
        return
    with pytest.raises(PlanRefused) as refused:
        check(plan(), account, now_ms)
    assert refused.value.code == code


class TestApproval:
    def test_it_is_for_one_plan(self) -> None:
        wanted = plan(step("a", 1, 2), needs_approval=True)
        given = Approval(wanted.hash, "arn:aws:iam::1:user/eve", NOW_MS)
        approval.check(wanted, approval.read(given.write(KEY), KEY))
        with pytest.raises(PlanRefused) as refused:
            approval.check(wanted, None)
        assert refused.value.code == "not-approved"
        with pytest.raises(PlanRefused) as refused:
            approval.check(plan(step("a", 1, 3)), given)
        assert refused.value.code == "other-approval"

    def test_nobody_approves_a_plan_of_their_own(self) -> None:
        wanted = approval.asked_for(plan(step("a", 1, 2)), "eve")
        approval.check(wanted, Approval(wanted.hash, "ann", NOW_MS))
        with pytest.raises(PlanRefused, match="eve, who made it") as refused:
            approval.check(wanted, Approval(wanted.hash, "eve", NOW_MS))
        assert refused.value.code == "own-approval"

    def test_a_forged_one_is_refused_where_there_is_a_key(self) -> None:
        given = Approval("f" * 64, "eve", NOW_MS)
        edited = given.write(KEY).replace("eve", "ann")
        for text, code in ((edited, "wrong-seal"), (given.write(), "unsealed")):
            with pytest.raises(PlanRefused) as refused:
                approval.read(text, KEY)
            assert refused.value.code == code
        with pytest.raises(PlanRefused) as refused:
            approval.read("{}")
        assert refused.value.code == "unreadable-approval"
