"""The summary of the features counts the keys of each entity by its name."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.console import Console

from localcloud.demo.checking import Check
from localcloud.demo.summary import Summary
from localcloud.lag import Lag


def summary(keys: Counter[str]) -> Summary:
    check = Check(put=9, events=9, applied=9, keys=keys, compared=1_024)
    nothing = Lag(None, None)
    return Summary(check, [], 7, {}, 1.0, nothing, nothing, "process")


def text_of(found: Summary) -> str:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(found.rendered())
    return shown.get()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (Counter(user=1_239), "1,239 users"),
        (Counter(user=239, item=31), "239 users and 31 items"),
        (Counter(device=1, user=0), "1 device and 0 users"),
    ],
)
def test_each_entity_by_its_name(keys: Counter[str], said: str) -> None:
    text = text_of(summary(keys))
    assert f"feature writes, for {said}" in text
    assert f"1,024 features of {said} equal their recomputation" in text


def test_for_a_machine_users_are_the_keys_of_the_first_entity() -> None:
    document = summary(Counter(user=239, item=31)).document
    assert document["users"] == 239
    assert document["keys"] == {"user": 239, "item": 31}
