"""History out of the archive that `sinks.Archive` writes: each position once, in order of arrival.

Within a shard the order is that of the positions; a batch that was delivered again, or whose shard
has several lanes, leaves objects that overlap. Between shards the order is that of arrival at the
stream. Objects are read when their turn comes and let go when it is over.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from millrace.errors import ConfigurationError
from millrace.features.replay import Record
from millrace.kinesis import Position

_KEY = re.compile(
    r"[a-z]+/stream=(?P<stream>[^/]+)/date=(?P<date>\d{4}-\d\d-\d\d)/shardId-(?P<shard>\d+)/"
    r"(?P<created>\d+)-(?P<first>\d+)-\d+\.jsonl"
)
_KEEPS = "the stack keeps them when it is deployed with"
_MISSING = {
    "events": f"{_KEEPS} ArchiveEvents=on",
    "inferences": f"{_KEEPS} InferenceLog=on",
    "feedback": f"none was sent yet (POST /feedback); {_KEEPS} InferenceLog=on",
}
_T = TypeVar("_T")
# An item with what it is sorted by, and a source of them that may be opened at its lower bound.
_Keyed = tuple[tuple[int, ...], _T]
_Source = tuple[tuple[int, ...], Callable[[], Iterator[_Keyed[_T]]]]


class ReadableObjects(Protocol):
    """What is needed of an object store (see `millrace.objects`)."""

    def get(self, key: str) -> bytes:
        """An object's body."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order."""
        ...


class _Object(NamedTuple):
    key: str
    first: tuple[int, int]
    date_ms: int


def archived(
    objects: ReadableObjects, stream: str | None = None, kind: str = "events"
) -> Iterator[Record]:
    """Every event of an archive (or inference, or feedback), of one stream where it is named.

    Raises ConfigurationError where there is none, or an object is damaged.
    """
    prefix = f"{kind}/" if stream is None else f"{kind}/stream={stream}/"
    shards: dict[tuple[str, int], list[_Object]] = {}
    for key in objects.keys(prefix):
        if match := _KEY.fullmatch(key):
            first = (int(match["created"]), int(match["first"]))
            found = _Object(key, first, _midnight_ms(key, match["date"]))
            shards.setdefault((match["stream"], int(match["shard"])), []).append(found)
    if not shards:
        raise ConfigurationError(f"No archived {kind} under {prefix}: {_MISSING[kind]}.")
    sources = [
        ((min(found.date_ms for found in kept),), partial(_by_arrival, objects, kept, number))
        for number, (_, kept) in enumerate(sorted(shards.items()))
    ]
    for _, record in _merged(sources):
        yield record


def _midnight_ms(key: str, date: str) -> int:
    try:
        midnight = datetime.fromisoformat(date)
    except ValueError as error:
        raise ConfigurationError(f"{key}: {date} is no date: {error}") from error
    return int(midnight.replace(tzinfo=UTC).timestamp() * 1000)


def _by_arrival(
    objects: ReadableObjects, kept: Sequence[_Object], shard: int
) -> Iterator[_Keyed[Record]]:
    """A shard's records by arrival; positions go before, should two clocks disagree."""
    latest_ms = 0
    for record in _in_order(objects, kept):
        assert record.arrival_ms is not None
        latest_ms = max(latest_ms, record.arrival_ms)
        yield (latest_ms, shard), record


def _in_order(objects: ReadableObjects, kept: Sequence[_Object]) -> Iterator[Record]:
    """A shard's records by position, each position once."""
    sources = [(found.first, partial(_by_position, objects, found.key)) for found in kept]
    last: tuple[int, ...] | None = None
    for place, record in _merged(sources):
        if place != last:
            yield record
        last = place


def _by_position(objects: ReadableObjects, key: str) -> Iterator[_Keyed[Record]]:
    for number, line in enumerate(objects.get(key).splitlines(), 1):
        try:
            kept = _line(line)
            position = Position.parse(_of_type(kept, "position", str))
            # Without its position: it is here once, and a parent may seem to follow its child.
            record = Record(kept["event"], _of_type(kept, "arrivalMs", int))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{key}, line {number}: no archived event: {type(error).__name__}: {error}"
            ) from error
        yield (position.created_ms, position.sequence, position.sub), record


def _of_type(kept: Any, name: str, wanted: type[_T]) -> _T:  # noqa: ANN401  what JSON holds
    value = kept[name]
    if type(value) is not wanted:
        raise TypeError(f"{name} is of the type {type(value).__name__}, not {wanted.__name__}")
    return value


def _line(line: bytes) -> Any:  # noqa: ANN401  what JSON holds
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # An event as deep as JSON may be is one level too deep inside its line.
        head, mark, event = line.partition(b',"event":')
        if not mark:
            raise
        return {**orjson.loads(head + b"}"), "event": orjson.loads(event[:-1])}


def _merged(sources: Iterable[_Source[_T]]) -> Iterator[_Keyed[_T]]:
    """The items of sorted sources, sorted; none is opened before its lower bound is reached."""
    waiting = sorted(sources, key=lambda source: source[0], reverse=True)
    numbers = count()
    opened: list[tuple[tuple[int, ...], int, _T, Iterator[_Keyed[_T]]]] = []

    def push(items: Iterator[_Keyed[_T]]) -> None:
        for place, item in items:
            heapq.heappush(opened, (place, next(numbers), item, items))
            break

    while waiting or opened:
        while waiting and (not opened or waiting[-1][0] <= opened[0][0]):
            push(waiting.pop()[1]())
        if opened:
            place, _, item, items = heapq.heappop(opened)
            yield place, item
            push(items)
