"""What goes onto the stream: the shop's events, spoiled as real ones are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson
from millrace.features.definitions import Definitions
from millrace.features.item import iso_ms

from localcloud.demo.shop import Timed, as_defined
from localcloud.faults.poison import KINDS, Kind, poison
from localcloud.faults.records import duplicated, reordered_within


class Put(NamedTuple):
    """A record for the stream; when it is due, and its event's time (ms since the epoch)."""

    due_ms: int
    event_ms: int
    partition_key: str
    data: bytes


def puts(events: Iterable[Timed], definitions: Definitions) -> Iterator[Put]:
    """Events as a producer puts them: under their user's key."""
    for due_ms, event_ms, document in events:
        data = orjson.dumps(as_defined(document, definitions))
        yield Put(due_ms, event_ms, document["userId"], data)


def spoiled(events: Iterable[Timed], definitions: Definitions, seed: int) -> Iterator[Put]:
    """The same with what happens on the way: duplicates, disorder, late events, poison.

    One in a hundred is put twice; one in twenty comes up to five seconds out of order; a few are
    minutes late; a few can never be processed.
    """
    kept = reordered_within(
        puts(_with_late(events, seed), definitions),
        seed=seed,
        probability=0.05,
        bound=5_000,
        position=lambda put: put.event_ms,
    )
    repeated = duplicated(kept, seed=seed, probability=0.01, within=50)
    yield from _in_time(_with_poison(repeated, seed))


def _with_late(events: Iterable[Timed], seed: int) -> Iterator[Timed]:
    rng = random.Random(f"{seed}/late")  # noqa: S311  a demo, not a secret
    for event in events:
        yield event
        if rng.random() < 0.004:
            # Something that the same user did two minutes before and that was stuck on the way.
            late_ms = event.event_ms - 120_000
            identity = f"late-{event.document['eventId']}"
            late = {**event.document, "timestamp": iso_ms(late_ms), "eventId": identity}
            yield Timed(event.due_ms, late_ms, late)


def _with_poison(records: Iterable[Put], seed: int) -> Iterator[Put]:
    rng = random.Random(f"{seed}/poison")  # noqa: S311
    kinds = [kind for kind in KINDS if kind is not Kind.OVERSIZED]
    number = 0
    for record in records:
        yield record
        if rng.random() < 0.004:
            number += 1
            data = poison(rng.choice(kinds), number, now_s=record.event_ms / 1000)
            yield Put(record.due_ms, record.event_ms, f"poison-{number}", data)


def _in_time(records: Iterable[Put]) -> Iterator[Put]:
    """A record that was held back is due when the stream is there."""
    latest_ms = 0
    for record in records:
        latest_ms = max(latest_ms, record.due_ms)
        yield record._replace(due_ms=latest_ms)
