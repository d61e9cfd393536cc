"""Events and plans made for tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from hypothesis import strategies as st
from millrace.errors import InvalidEvent
from millrace.events import MISSING, Event
from millrace.features.definitions_parser import parse
from millrace.features.fold import fold
from millrace.features.plan import Plan, plans_of
from millrace.features.profile import Profile

START_MS = 1_700_000_000_000

RICH = """
version = 1
[event.numbers.metric]
scale = 2
[event.numbers.price]
scale = 0
[event.categories.item]
field = "itemId"
[entity.user]
key = "userId"
windows = ["30s", "1m", "5m", "10m", "1h", "24h", "3d"]
session_gap = "10m"
[entity.user.all_types]
metric = ["sum", "mean", "min", "max", "std", "last", "distinct"]
price = ["sum", "last"]
item = ["distinct"]
[entity.user.by_type]
buy = { metric = ["sum", "min", "last", "distinct"], item = ["distinct"] }
"*" = { price = ["max"] }
"""


def plan(text: str = RICH) -> Plan:
    """The first entity's plan of a features.toml."""
    return plans_of(parse(text))[0]


def event(number: int, time_ms: int, kind: str = "view", *fields: int | None) -> Event:
    """An event with an id made from its number."""
    scaled = tuple(MISSING if field is None else field for field in fields)
    name = f"e{number}"
    hashed = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
    return Event(name, hashed, time_ms, kind, ("u",), scaled)


def outcome(read: Callable[[], Event]) -> Event | InvalidEvent:
    """The event that is read, or why it is none."""
    try:
        return read()
    except InvalidEvent as error:
        return error


def folded(events: Sequence[Event], plan: Plan, *, batches: Sequence[int] = ()) -> Profile:
    """The profile after events, in batches that end at these indexes."""
    profile = Profile(len(plan.fields))
    for start, end in spans(batches, len(events)):
        profile, _ = fold(profile, events[start:end], plan)
    return profile


def spans(ends: Sequence[int], length: int) -> list[tuple[int, int]]:
    """Batches as (start, end) from where they end; the last takes the rest."""
    return list(zip((0, *ends), (*ends, length), strict=True))


GAPS_MS = (0, 1, 40, 700, 1000, 4900, 59_000, 61_000, 600_000, 9_000_000, 10**8)


@st.composite
def histories(draw: st.DrawFn, fields: int = 3, most: int = 400) -> list[Event]:
    """Events in order of time, at all paces: bursts within a second, gaps of days.

    Long ones come as often as short ones, so that tiles and sketches have work to do; they are
    made from a seed, for drawing every value of them would be slow.
    """
    length = draw(st.sampled_from([n for n in (1, 2, 5, 20, 70, 150, 400) if n <= most]))
    rng = random.Random(draw(st.integers(0, 2**32)))
    paces = rng.choices(GAPS_MS, k=rng.randint(1, 4))
    spread = rng.choice((3, 100, 10**12))
    time_ms = START_MS + rng.randint(0, 10**9)
    events = []
    for number in range(length):
        time_ms += rng.choice(paces)
        values = [rng.choice((None, *[rng.randint(-spread, spread)] * 4)) for _ in range(fields)]
        events.append(event(number, time_ms, rng.choice(("view", "buy", "", "q")), *values))
    return events


@st.composite
def batch_ends(draw: st.DrawFn, length: int) -> list[int]:
    """Where batches end: a few places in a sequence of this length."""
    return sorted(draw(st.sets(st.integers(1, length), max_size=5)))


@st.composite
def jittered(draw: st.DrawFn, events: Sequence[Event], bound_ms: int) -> list[Event]:
    """The same events out of order, none by more than `bound_ms` of event time."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    keyed = [
        (event.time_ms + rng.randint(0, bound_ms), number) for number, event in enumerate(events)
    ]
    return [events[number] for _, number in sorted(keyed)]


# Whatever a JSON document may hold.
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
