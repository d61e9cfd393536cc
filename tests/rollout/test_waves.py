"""Waves: a partition of the fleet, the same each time, each as large as its share says."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.lambda_layers import exchange, gate, survey, waves

NAMES = st.lists(st.text("abcdef0123", min_size=1, max_size=8), unique=True, max_size=60)
SHARES = st.lists(st.integers(1, 99), unique=True, max_size=4).map(
    lambda parts: ",".join([*(f"{part}%" for part in sorted(parts)), "100%"])
)


@pytest.mark.parametrize("module", [waves, gate, exchange, survey])
def test_the_examples_are_true(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@given(NAMES, SHARES, st.text(max_size=5))
def test_waves_are_a_partition_and_the_same_each_time(
    names: list[str], shares: str, salt: str
) -> None:
    order = waves.ordered(names, salt)
    assigned = waves.assign(order, waves.shares(shares))
    assert sorted(name for _, name in assigned) == sorted(names)
    numbers = [wave for wave, _ in assigned]
    assert numbers == sorted(numbers)
    assert waves.ordered(reversed(names), salt) == order


@given(NAMES, SHARES)
def test_after_each_wave_there_are_as_many_as_its_share_says(names: list[str], shares: str) -> None:
    wanted = waves.shares(shares)
    assigned = waves.assign(names, wanted)
    for number, share in enumerate(wanted, 1):
        part = float(share.part or 0) * len(names)
        changed = sum(wave <= number for wave, _ in assigned)
        assert part - 1e-9 <= changed < part + 1


@given(NAMES, st.text("xyz", min_size=1, max_size=8), st.text(max_size=5))
def test_a_function_more_or_less_changes_nobody_elses_place(
    names: list[str], other: str, salt: str
) -> None:
    order = waves.ordered([*names, other], salt)
    assert [name for name in order if name != other] == waves.ordered(names, salt)


def test_another_version_is_tried_on_other_functions() -> None:
    names = [f"function-{number}" for number in range(100)]
    first = {waves.ordered(names, f"layer:{version}")[0] for version in range(20)}
    assert len(first) > 10


def test_the_shares_of_the_issue_for_a_thousand() -> None:
    assigned = waves.assign([f"{n}" for n in range(1000)], waves.shares("1,5%,25%,100%"))
    sizes = [sum(wave == number for wave, _ in assigned) for number in (1, 2, 3, 4)]
    assert sizes == [1, 49, 200, 750]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no share"),
        ("0,100%", "is no share"),
        ("1.5,100%", "is no share"),
        ("-1,100%", "is no share"),
        ("101%", "is no share"),
        ("half,100%", "'half' is no share"),
        ("1,5%", "ends with 5%"),
        ("10", "ends with 10"),
        ("25%,5%,100%", "5% after 25% is no more"),
        ("3,3,100%", "3 after 3 is no more"),
    ],
)
def test_what_is_no_list_of_shares_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        waves.shares(text)
