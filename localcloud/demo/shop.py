"""A believable shop and its devices, made from a seed.

Customers come in sessions: they search, look at things, put some into the cart, buy a few. Popular
customers come more often (Zipf). Devices (tills, scales, thermometers) report a number every few
seconds, in the other shape that events have: userId, metric and timestamp only.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from millrace.features.definitions import Definitions
from millrace.features.item import iso_ms
from millrace.paths import with_field

Document = dict[str, Any]

_CUSTOMERS = 400
_DEVICES = 12
_ITEMS = 300
_DAY_MS = 86_400_000
_PAST_BEGIN_MS = 1_767_225_600_000  # 2026-01-01
# What a customer does after what: the next step's probabilities; the rest of 1 is leaving.
_STEPS: dict[str, tuple[tuple[str, float], ...]] = {
    "login": (("search", 0.6), ("view", 0.4)),
    "search": (("view", 0.8), ("search", 0.1)),
    "view": (("view", 0.5), ("cart", 0.25), ("search", 0.1)),
    "cart": (("purchase", 0.5), ("view", 0.3)),
    "purchase": (("view", 0.1),),
}


class Timed(NamedTuple):
    """An event; when it is due on the stream, and its time (milliseconds since the epoch)."""

    due_ms: int
    event_ms: int
    document: Document


def as_defined(document: Document, definitions: Definitions) -> Document:
    """An event of the shop with its fields where a features.toml looks for them.

    The first number is the shop's metric; other entities, and categories, are its items.
    """
    event = definitions.event
    places = {"userId": [definitions.primary.key], "timestamp": [event.time]}
    places |= {"eventId": [event.id], "eventType": [event.type]}
    places["metric"] = [number.field for number in event.numbers[:1]]
    places["itemId"] = [entity.key for entity in definitions.entities[1:]]
    places["itemId"] += [category.field for category in event.categories]
    found: Document = {}
    for name, value in document.items():
        for path in places[name] or [name]:
            found = with_field(found, path, value)
    return found


def past_days(days: int, events: int) -> Iterator[Document]:
    """What happened in the shop on some days, about so many events on each; always the same.

    Each day is another seed's, so that no event comes twice.
    """
    for day in range(1, days + 1):
        for timed in Shop(day, rate=1).history(_PAST_BEGIN_MS + day * _DAY_MS, events):
            yield timed.document


@dataclass(frozen=True, slots=True)
class Shop:
    """The shop of one seed; `rate` is how many events a second it makes while it is open."""

    seed: int
    rate: float

    def history(self, until_ms: int, events: int) -> Iterator[Timed]:
        """About `events` events of the day before `until_ms`, in order, all due at once."""
        rng = random.Random(f"{self.seed}/history")  # noqa: S311  a shop, not a secret
        start_ms = until_ms - _DAY_MS
        sessions = max(1, events // 6)
        starts = sorted(start_ms + rng.randrange(_DAY_MS - 3_600_000) for _ in range(sessions))
        for timed in self._sessions(rng, iter(starts), "h", pause_ms=40_000):
            if timed.due_ms < until_ms:
                yield timed._replace(due_ms=until_ms)

    def live(self, start_ms: int, seconds: float) -> Iterator[Timed]:
        """What happens from `start_ms` on for some seconds, each event due at its own time."""
        rng = random.Random(f"{self.seed}/live")  # noqa: S311
        end_ms = start_ms + int(seconds * 1000)
        customers = self._sessions(rng, self._openings(rng, start_ms), "l", pause_ms=1_500)
        for timed in heapq.merge(
            customers, self._devices(start_ms), key=lambda timed: timed.due_ms
        ):
            if timed.due_ms >= end_ms:
                return
            yield timed

    def _openings(self, rng: random.Random, start_ms: int) -> Iterator[int]:
        at_ms = float(start_ms)
        per_session = 6.0
        while True:
            yield int(at_ms)
            at_ms += rng.expovariate(self.rate / per_session) * 1000

    def _sessions(
        self, rng: random.Random, starts_ms: Iterator[int], mark: str, pause_ms: int
    ) -> Iterator[Timed]:
        """Sessions that begin at these times, woven into one stream in order of time."""
        weights = list(accumulate(1 / (rank + 1) ** 0.9 for rank in range(_CUSTOMERS)))
        waiting: list[tuple[int, int, str, str]] = []  # time, number, customer, step
        for number, start_ms in enumerate(starts_ms, start=1):
            while waiting and waiting[0][0] <= start_ms:
                yield self._step(rng, waiting, mark, pause_ms)
            customer = f"customer-{bisect(weights, rng.random() * weights[-1]):04d}"
            heapq.heappush(waiting, (start_ms, number * 1000, customer, "login"))
        while waiting:
            yield self._step(rng, waiting, mark, pause_ms)

    def _step(
        self, rng: random.Random, waiting: list[tuple[int, int, str, str]], mark: str, pause_ms: int
    ) -> Timed:
        at_ms, number, customer, step = heapq.heappop(waiting)
        chance = rng.random()
        for following, probability in _STEPS[step]:
            chance -= probability
            if chance < 0:
                pause = int(rng.expovariate(1 / pause_ms)) + 1
                heapq.heappush(waiting, (at_ms + pause, number + 1, customer, following))
                break
        document: Document = {
            "eventId": f"{mark}-{self.seed}-{number}",
            "userId": customer,
            "eventType": step,
            "timestamp": iso_ms(at_ms),
        }
        if step in ("view", "cart", "purchase"):
            item = int(rng.paretovariate(1.1)) % _ITEMS
            document["itemId"] = f"item-{item:03d}"
            document["metric"] = round(5 + item * 37 % 195 + 0.99, 2)
        return Timed(at_ms, at_ms, document)

    def _devices(self, start_ms: int) -> Iterator[Timed]:
        rng = random.Random(f"{self.seed}/devices")  # noqa: S311
        level = [rng.uniform(15, 25) for _ in range(_DEVICES)]
        number = 0
        while True:
            for device in range(_DEVICES):
                at_ms = start_ms + number * 200
                number += 1
                level[device] += rng.gauss(0, 0.1)
                yield Timed(
                    at_ms,
                    at_ms,
                    {
                        "eventId": f"d-{self.seed}-{number}",
                        "userId": f"device-{device:02d}",
                        "metric": round(level[device], 3),
                        "timestamp": iso_ms(at_ms),
                    },
                )
