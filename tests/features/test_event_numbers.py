"""Numbers become integers at their scale, by their decimals, exactly."""

from __future__ import annotations

import itertools
import random
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from millrace.errors import InvalidEvent
from millrace.events import MISSING, NUMBER_BOUND, EventReader
from millrace.features.definitions_parser import parse

from tests.features.making import START_MS, outcome

SCALES = st.integers(0, 9)


def reader_of(scale: int) -> EventReader:
    return EventReader(
        parse(
            f"""
            version = 1
            [event.numbers.metric]
            scale = {scale}
            [event.categories.item]
            [entity.user]
            key = "userId"
            """
        )
    )


READERS = [reader_of(scale) for scale in range(10)]


def with_metric(value: object) -> dict[str, object]:
    return {"userId": "u", "timestamp": START_MS, "metric": value}


def scaled(value: object, scale: int) -> int:
    return READERS[scale].from_document(with_metric(value), START_MS).fields[0]


def identity(value: object) -> int:
    document = {"userId": "u", "timestamp": START_MS, "item": value}
    return READERS[0].from_document(document, START_MS).fields[1]


def by_decimals(value: float, scale: int) -> int:
    """What a person who reads the number's digits would write, halves to even."""
    with localcontext() as context:
        context.prec = 60
        return int(Decimal(repr(value)).scaleb(scale).to_integral_value(ROUND_HALF_EVEN))


DECIMALS = st.builds(
    lambda digits, places: float(Decimal(digits).scaleb(-places)),
    st.integers(-(10**16), 10**16),
    st.integers(0, 12),
)


@settings(max_examples=400)
@given(DECIMALS | st.floats(-1e8, 1e8), SCALES)
@example(-20090909979.10005, 4)
@example(0.1 + 0.2, 1)
@example(2.675, 2)
@example(0.5, 0)
@example(1.5, 0)
def test_a_number_is_its_decimals(value: float, scale: int) -> None:
    bound = NUMBER_BOUND // 10**scale
    if -bound < value < bound:
        assert scaled(value, scale) == by_decimals(value, scale)


@pytest.mark.parametrize("scale", range(10))
def test_halves_at_every_magnitude_go_by_their_decimals(scale: int) -> None:
    rng = random.Random(scale)
    for _ in range(300):
        digits = rng.randrange(1, 10 ** rng.randint(1, 15 - scale))
        value = float(f"{digits}.{rng.randrange(10**scale):0{scale}d}5" if scale else f"{digits}.5")
        assert scaled(value, scale) == by_decimals(value, scale), value


@given(st.integers(-(2**70), 2**70), SCALES)
@example(NUMBER_BOUND // 10**4, 4)
@example(-NUMBER_BOUND // 10**4, 4)
def test_whole_numbers_are_exact_or_refused(value: int, scale: int) -> None:
    if abs(value) < NUMBER_BOUND // 10**scale:
        assert scaled(value, scale) == value * 10**scale
    else:
        with pytest.raises(InvalidEvent, match="a finite number between -"):
            scaled(value, scale)


@given(st.floats(allow_nan=True, allow_infinity=True), SCALES)
def test_any_float_is_within_the_columns_or_refused(value: float, scale: int) -> None:
    found = outcome(lambda: READERS[scale].from_document(with_metric(value), START_MS))
    if isinstance(found, InvalidEvent):
        assert found.reason == "invalid-metric"
        assert not abs(value) < NUMBER_BOUND // 10**scale
    else:
        assert abs(found.fields[0]) <= NUMBER_BOUND


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        1e300,
        -1e300,
        10**30,
        True,
        False,
        "1.5",
        "",
        "NaN",
        [],
        [1],
        {},
        {"value": 1},
    ],
)
def test_what_is_no_finite_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidEvent, match=r"^metric must be a finite number between") as error:
        scaled(value, 4)
    assert error.value.reason == "invalid-metric"


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"01", b".5", b"+1"])
def test_numbers_that_json_does_not_know_are_no_json(text: bytes) -> None:
    body = b'{"userId": "u", "timestamp": 1700000000, "metric": %s}' % text
    found = outcome(lambda: READERS[0].read(body, START_MS))
    assert isinstance(found, InvalidEvent)
    assert found.reason in ("not-json", "invalid-metric")


def test_a_missing_number_is_no_zero() -> None:
    assert scaled(None, 4) == MISSING
    assert scaled(0, 4) == scaled(0.0, 4) == scaled(-0.0, 4) == 0


def test_sums_do_not_depend_on_the_order() -> None:
    values = [0.1, 0.2, 0.3, 1e8, -1e8, 1e-4]
    assert len({sum(order) for order in itertools.permutations(values)}) > 1, "floats alone would"
    expected = sum(by_decimals(value, 4) for value in values)
    assert sum(scaled(value, 4) for value in values) == expected == 6001


# Categories.


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a", "a", True), ("a", "b", False), (1, "1", True), (True, "True", True), ("", " ", False)],
)
def test_a_category_is_known_by_its_text(one: object, other: object, same: bool) -> None:
    assert (identity(one) == identity(other)) is same
    assert 0 <= identity(one) < 2**48


@pytest.mark.parametrize("value", [1.5, [], {}, ["a"]])
def test_what_is_no_text_is_no_category(value: object) -> None:
    with pytest.raises(InvalidEvent, match=r"^item must be a text"):
        identity(value)


def test_a_category_may_be_long_and_may_be_missing() -> None:
    assert identity("x" * 1_000_000) != identity("x" * 999_999)
    assert identity(None) == MISSING
