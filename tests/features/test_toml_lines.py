"""A key's line is found however TOML lets one write it."""

from __future__ import annotations

import pytest
from millrace.features.toml_lines import line_of

TEXT = """\
# a comment: [not.a.table]
version = 1

[event]            # [a comment]
id = "eventId"
  time = "t"       # = not a key
numbers.price.scale = 2
[ event . "categories" . item ]
field = "itemId = [x]"
[entity.user]
"key" = "userId"
'windows' = [
    "5m",
]
[entity.user.by_type]
buy = { metric = ["sum"], price = ["max"] }
"a b".metric = ["min"]
[[list]]
x = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("version",), 2),
        (("event",), 4),
        (("event", "id"), 5),
        (("event", "time"), 6),
        (("event", "numbers", "price", "scale"), 7),
        (("event", "categories", "item"), 8),
        (("event", "categories", "item", "field"), 9),
        (("entity", "user"), 10),
        (("entity", "user", "key"), 11),
        (("entity", "user", "windows"), 12),
        (("entity", "user", "by_type", "buy"), 16),
        (("entity", "user", "by_type", "buy", "price"), 16),
        (("entity", "user", "by_type", "a b", "metric"), 17),
        (("list",), 18),
        (("list", "x"), 19),
        # What does not stand there is found at the table that lacks it.
        (("entity", "user", "lateness"), 10),
        (("event", "categories", "other"), 4),
        (("nowhere",), 1),
    ],
)
def test_the_line_of_a_key(path: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, path) == line


def test_a_key_above_the_first_table_is_not_one_of_the_table() -> None:
    assert line_of("id = 1\n[event]\n", ("event", "id")) == 2


def test_nothing_has_a_first_line() -> None:
    assert line_of("", ("a",)) == 1
