"""Files of definitions with one mistake each, and what their error must say."""

from __future__ import annotations

from typing import NamedTuple

# Line numbers below count from here: [event] is on line 3, [entity.user] on line 7.
GOOD = """\
version = 1

[event]
id = "eventId"
[event.numbers.metric]
scale = 2
[entity.user]
key = "userId"
windows = ["5m", "1h"]
[entity.user.all_types]
metric = ["sum"]
[entity.user.by_type]
buy = { metric = ["sum"] }
"""


class Broken(NamedTuple):
    old: str
    new: str
    line: int
    key: str
    allowed: str


EVENT, ENTITY = "[event]\n", '[entity.user]\nkey = "userId"\n'
TOO_MANY_FIELDS = "\n".join(f"[event.categories.c{n}]" for n in range(16))
TOO_MANY_DISTINCT = "\n".join(f"[event.categories.c{n}]" for n in range(8))
ALL_DISTINCT = "\n".join(f'c{n} = ["distinct"]' for n in range(8))
MANY_TYPES = "\n".join(f't{n} = {{ metric = ["sum"] }}' for n in range(33))
TYPES_DISTINCT = "\n".join(f't{n} = {{ metric = ["distinct"] }}' for n in range(8))

BROKEN = {
    # The whole.
    "no version": Broken("version = 1\n", "\n", 1, "version", "must be 1 but is None"),
    "version 2": Broken("version = 1", "version = 2", 1, "version", "must be 1 but is 2"),
    "version as text": Broken("version = 1", 'version = "1"', 1, "version", "must be 1 but is '1'"),
    "version true": Broken("version = 1", "version = true", 1, "version", "must be 1 but is True"),
    "version 1.0": Broken("version = 1", "version = 1.0", 1, "version", "must be 1 but is 1.0"),
    "unknown table": Broken(
        "\n[event]", "\n[events]\n[event]", 3, "events", "did you mean 'event'?"
    ),
    "unknown key": Broken(
        "version = 1", "version = 1\nx = 1", 2, "x", "allowed are version, event, entity"
    ),
    "event no table": Broken(GOOD, "version = 1\nevent = 5", 2, "event", "must be a table"),
    "no entity": Broken(GOOD, "version = 1\n", 1, "entity", "at least one [entity.NAME]"),
    "entities in a list": Broken(
        GOOD, 'version = 1\n[[entity]]\nkey = "k"', 2, "entity", "must be a table"
    ),
    "entity no table": Broken(
        GOOD, 'version = 1\n[entity]\nuser = "x"', 3, "entity.user", "must be a table but is 'x'"
    ),
    # [event]
    "event misspelt": Broken(EVENT, EVENT + 'tiem = "t"\n', 4, "event.tiem", "mean 'time'?"),
    "id no text": Broken('id = "eventId"', "id = 7", 4, "event.id", "must name a field"),
    "id empty": Broken('id = "eventId"', 'id = ""', 4, "event.id", "must name a field"),
    "path with a hole": Broken('id = "eventId"', 'id = "a..b"', 4, "event.id", "but is 'a..b'"),
    "path ends in a dot": Broken(EVENT, EVENT + 'time = "a."\n', 4, "event.time", "but is 'a.'"),
    "type a list": Broken(EVENT, EVENT + 'type = ["a"]\n', 4, "event.type", "must name a field"),
    "future no length": Broken(EVENT, EVENT + "future = 5\n", 4, "event.future", '"90s"'),
    "future negative": Broken(EVENT, EVENT + 'future = "-5s"\n', 4, "event.future", "not '-5s'"),
    "future too long": Broken(
        EVENT, EVENT + 'future = "2h"\n', 4, "event.future", "from 0 s to 3600 s"
    ),
    # [event.numbers], [event.categories]
    "number misspelt": Broken(
        "scale = 2", "scael = 2", 6, "event.numbers.metric.scael", "mean 'scale'?"
    ),
    "scale too fine": Broken(
        "scale = 2", "scale = 10", 6, "event.numbers.metric.scale", "from 0 to 9 but is 10"
    ),
    "scale negative": Broken(
        "scale = 2", "scale = -1", 6, "event.numbers.metric.scale", "from 0 to 9"
    ),
    "scale as text": Broken(
        "scale = 2", 'scale = "2"', 6, "event.numbers.metric.scale", "a whole number"
    ),
    "scale true": Broken(
        "scale = 2", "scale = true", 6, "event.numbers.metric.scale", "but is True"
    ),
    "scale 2.0": Broken("scale = 2", "scale = 2.0", 6, "event.numbers.metric.scale", "but is 2.0"),
    "field of a number": Broken(
        "scale = 2", "field = []", 6, "event.numbers.metric.field", "must name a field"
    ),
    "number no table": Broken(
        "[event.numbers.metric]\nscale = 2",
        "[event.numbers]\nmetric = 2",
        6,
        "event.numbers.metric",
        "must be a table",
    ),
    "numbers no table": Broken(
        "[event.numbers.metric]\nscale = 2", "numbers = 2", 5, "event.numbers", "must be a table"
    ),
    "reserved name": Broken(
        EVENT, "[event.numbers.count]\n[event]\n", 3, "event.numbers.count", "none of count, "
    ),
    "name with a dash": Broken(
        EVENT, "[event.numbers.a-b]\n[event]\n", 3, "event.numbers.a-b", "a letter and up to 30"
    ),
    "name with a dot": Broken(
        EVENT, '[event.numbers."a.b"]\n[event]\n', 3, "event.numbers.'a.b'", "a letter and up to 30"
    ),
    "name too long": Broken(
        EVENT, f"[event.numbers.{'n' * 32}]\n[event]\n", 3, "event.numbers.n", "a letter and up"
    ),
    "category misspelt": Broken(
        EVENT,
        '[event.categories.item]\nfeild = "i"\n[event]\n',
        4,
        "event.categories.item.feild",
        "mean 'field'?",
    ),
    "scale of a category": Broken(
        EVENT,
        "[event.categories.item]\nscale = 2\n[event]\n",
        4,
        "event.categories.item.scale",
        "allowed are field",
    ),
    "number and category": Broken(
        EVENT,
        "[event.categories.metric]\n[event]\n",
        3,
        "event.categories.metric",
        "is a number already",
    ),
    "too many fields": Broken(
        EVENT, TOO_MANY_FIELDS + "\n[event]\n", 19, "event.numbers", "at most 16"
    ),
    # [entity.NAME]
    "no key": Broken('key = "userId"\n', "", 7, "entity.user", 'key = "userId"'),
    "empty key": Broken('key = "userId"', 'key = ""', 8, "entity.user.key", "must name a field"),
    "entity misspelt": Broken(
        ENTITY, ENTITY + 'window = ["5m"]\n', 9, "entity.user.window", "mean 'windows'?"
    ),
    "entity with a space": Broken(
        "[entity.user]", '[entity."a user"]\n[entity.user]', 7, "entity.'a user'", "a letter and up"
    ),
    "reserved entity": Broken(
        "[entity.user]", "[entity.state]\n[entity.user]", 7, "entity.state", "none of"
    ),
    "lateness too long": Broken(
        ENTITY, ENTITY + 'lateness = "61m"\n', 9, "entity.user.lateness", "from 0 s to 3600 s"
    ),
    "gap too long": Broken(
        ENTITY, ENTITY + 'session_gap = "2d"\n', 9, "entity.user.session_gap", "to 86400 s"
    ),
    "gap below the lateness": Broken(
        ENTITY,
        ENTITY + 'session_gap = "5s"\n',
        9,
        "entity.user.session_gap",
        "at least the lateness (60000 ms)",
    ),
    "no types at all": Broken(
        ENTITY, ENTITY + "max_types = 0\n", 9, "entity.user.max_types", "from 1 to 128 but is 0"
    ),
    "too many types": Broken(
        ENTITY, ENTITY + "max_types = 129\n", 9, "entity.user.max_types", "from 1 to 128"
    ),
    # windows
    "windows a text": Broken('["5m", "1h"]', '"5m"', 9, "entity.user.windows", "1 to 12 lengths"),
    "no windows": Broken('["5m", "1h"]', "[]", 9, "entity.user.windows", "1 to 12 lengths"),
    "thirteen windows": Broken(
        '["5m", "1h"]', str([f"{n}m" for n in range(1, 14)]), 9, "entity.user.windows", "1 to 12"
    ),
    "window a number": Broken('["5m", "1h"]', "[300]", 9, "entity.user.windows", "not 300"),
    "window without unit": Broken(
        '["5m", "1h"]', '["300"]', 9, "entity.user.windows", '"90s", "5m", "24h" or "7d"'
    ),
    "window in weeks": Broken('["5m", "1h"]', '["1w"]', 9, "entity.user.windows", "not '1w'"),
    "window of nothing": Broken(
        '["5m", "1h"]', '["0s"]', 9, "entity.user.windows", "from 1 s to 7.776e+06 s"
    ),
    "window too long": Broken('["5m", "1h"]', '["91d"]', 9, "entity.user.windows", "but is '91d'"),
    "window in part seconds": Broken(
        '["5m", "1h"]', '["1500ms"]', 9, "entity.user.windows", "not a whole number of seconds"
    ),
    "window twice": Broken(
        '["5m", "1h"]', '["60s", "1m"]', 9, "entity.user.windows", "'1m' and '60s' are the same"
    ),
    "window with zeros before": Broken(
        '["5m", "1h"]', '["05m"]', 9, "entity.user.windows", "not '05m'"
    ),
    "window in other digits": Broken(
        '["5m", "1h"]', '["٣m"]', 9, "entity.user.windows", "must be a length of time"
    ),
    "window without end": Broken(
        '["5m", "1h"]', f'["{"9" * 5000}s"]', 9, "entity.user.windows", "must be a length of time"
    ),
    # all_types, by_type
    "unknown field": Broken(
        'metric = ["sum"]\n[', 'metrik = ["sum"]\n[', 11, "entity.user.all_types.metrik", "'metric'"
    ),
    "unknown aggregate": Broken(
        'metric = ["sum"]\n[',
        'metric = ["median"]\n[',
        11,
        "entity.user.all_types.metric",
        "'median' is not one of sum, mean, min, max, std, last, distinct",
    ),
    "aggregate of a category": Broken(
        'metric = ["sum"]\n[',
        'item = ["sum"]\n[event.categories.item]\n[',
        11,
        "entity.user.all_types.item",
        "'sum' is not one of distinct",
    ),
    "aggregates a text": Broken(
        'metric = ["sum"]\n[',
        'metric = "sum"\n[',
        11,
        "entity.user.all_types.metric",
        "must be a list of sum, mean",
    ),
    "aggregate a list": Broken(
        'metric = ["sum"]\n[', 'metric = [["sum"]]\n[', 11, "entity.user.all_types.metric", "sum"
    ),
    "type no table": Broken(
        'buy = { metric = ["sum"] }', 'buy = ["sum"]', 13, "entity.user.by_type.buy", "a table"
    ),
    "type with an unknown field": Broken(
        'buy = { metric = ["sum"] }',
        'buy = { metrics = ["sum"] }',
        13,
        "entity.user.by_type.buy.metrics",
        "did you mean 'metric'?",
    ),
    "type without name": Broken(
        "buy = {", '"" = {', 13, "entity.user.by_type.''", "1 to 64 characters without NUL"
    ),
    "type with a NUL": Broken(
        "buy = {", '"a\\u0000" = {', 12, r"entity.user.by_type.'a\x00'", "NUL"
    ),
    "type too long": Broken("buy = {", f"{'b' * 65} = {{", 13, "entity.user.by_type.b", "1 to 64"),
    "more types named than kept": Broken(
        'buy = { metric = ["sum"] }',
        MANY_TYPES,
        12,
        "entity.user.by_type",
        "names 33 event types, but max_types is 32",
    ),
    # Size.
    "too much for all types": Broken(
        'metric = ["sum"]\n[', f"{ALL_DISTINCT}\n{TOO_MANY_DISTINCT}\n[", 10, "entity.user.all", "7"
    ),
    "too much by type": Broken(
        'buy = { metric = ["sum"] }', TYPES_DISTINCT, 12, "entity.user.by_type", "64 KB"
    ),
}
