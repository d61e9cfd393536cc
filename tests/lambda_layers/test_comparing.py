"""Two layers side by side, and money that loses no cent."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from millrace.lambda_layers.comparing import PRICES_USD, Change, Price, Side, compare

OLD = Side("old", 100, 50, 3, {"a": "1", "b": "1", "c": "1"}, {"total_ms": 900.0})
NEW = Side("new", 90, 40, 2, {"a": "1", "b": "2", "d": "1"}, {"total_ms": 300.0})
PRICE = Price(1024, 1_000_000, Decimal("0.00001"))


def test_packages_that_differ_are_named() -> None:
    found = compare(OLD, NEW, PRICE)
    assert found.changes == (
        Change("b", "1", "2"),
        Change("c", "1", None),
        Change("d", None, "1"),
    )


def test_a_months_cold_starts_in_dollars() -> None:
    found = compare(OLD, NEW, PRICE)
    assert found.costs_usd == (Decimal("9.00"), Decimal("3.00"))
    assert found.document["saved_usd"] == "6.00"
    assert found.document["cost_usd"] == ["9.00", "3.00"]


def test_nothing_tried_costs_nothing_known() -> None:
    found = compare(Side("x", 1, 1, 1, {}), NEW, PRICE)
    assert found.costs_usd is None
    assert found.document["cost_usd"] is None


@given(st.integers(128, 10_240), st.integers(0, 10**9), st.floats(0, 10_000))
def test_money_is_exact_to_half_a_cent(memory_mb: int, starts: int, ms: float) -> None:
    price = Price(memory_mb, starts, PRICES_USD["arm64"])
    exact = Decimal(str(ms)) * memory_mb * starts * price.usd_per_gb_s / 1024 / 1000
    assert abs(price.usd(ms) - exact) <= Decimal("0.005") + exact * Decimal("1e-25")
