"""Stored profiles that somebody damaged, read under other definitions than they were written."""

from __future__ import annotations

import pytest
from millrace.errors import UnreadableState
from millrace.features.bounds import pack_bounded
from millrace.features.packing import unpack

from tests.features.making import START_MS, event, folded, plan
from tests.features.test_migration import BY_TYPE, text


@pytest.mark.parametrize("code", [1, 82])
def test_a_damaged_profile_of_other_definitions_is_unreadable_or_read(code: int) -> None:
    """Damage in columns shows only where they are decoded, which to migrate does."""
    old, new = plan(text(by_type=BY_TYPE[1])), plan(text(windows=("2m", "1h", "7d"), scale=1))
    events = [event(n, START_MS + n * 9_000, "buy", n * 7, n, n % 3) for n in range(100)]
    data = pack_bounded(folded(events, old), old)
    refused = 0
    for place in range(0, len(data), 5):
        damaged = data[:place] + bytes((code,)) + data[place + 1 :]
        try:
            unpack(damaged, new)
        except UnreadableState:
            refused += 1
    assert 0 < refused < len(data)
