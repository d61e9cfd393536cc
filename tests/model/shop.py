"""A little of the built-in shop, for tests that train."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millrace.features.definitions import load
from millrace.features.replay import Record

from localcloud.demo.shop import past_days
from model.rows import Rows, labelled
from model.target import Target
from tests.features.conftest import SHIPPED

PURCHASE = Target.parse("purchase", "10m")


def events(days: int = 2, a_day: int = 2_500) -> Iterator[dict[str, Any]]:
    """Events of some days in the shop, in order."""
    return past_days(days, a_day)


def shop_rows(target: Target = PURCHASE) -> Rows:
    """Their rows."""
    return labelled((Record(event) for event in events()), load(SHIPPED), target)
