"""An entry as the attributes of one item, in plain Python values.

Beside the packed state (`state`, `version`, `watermark`, `holes`, `expiresAt`) stand the plain
attributes that a reader of the table expects: userId, lastTimestamp, count, lastMetric,
lastEventType, count5min, lastUpdate. `count` and `count5min` are both the true five-minute window
as of lastTimestamp; what is true now is in the state, and `snapshot` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from millrace.errors import UnreadableState
from millrace.features.bounds import pack_bounded
from millrace.features.entry import Entry, Hole
from millrace.features.packing import unpack, unpack_for_reading
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Profile
from millrace.features.snapshot import plain_count
from millrace.kinesis import Position

Attribute = str | int | Decimal | bytes | list[str]

KEY = "userId"


def iso_ms(time_ms: int) -> str:
    """ISO 8601 in UTC, with milliseconds.

    >>> iso_ms(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    second, more_ms = divmod(time_ms, 1000)
    return f"{_iso_s(second)}.{more_ms:03d}Z"


@lru_cache(maxsize=1024)
def _iso_s(second: int) -> str:
    # The events of a batch fall into few different seconds.
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


def to_item(
    key: str, entry: Entry, plan: Plan, expires_s: int, *, plain: bool = True
) -> dict[str, Attribute]:
    """The attributes that store `entry` under `key`; `plain` adds those for readers.

    Raises StateTooLarge.
    """
    profile = entry.profile
    item: dict[str, Attribute] = {
        KEY: key,
        "state": pack_bounded(profile, plan),
        "version": entry.version,
        "expiresAt": expires_s,
    }
    if entry.watermark is not None:
        item["watermark"] = str(entry.watermark)
    if entry.holes:
        item["holes"] = [str(hole) for hole in entry.holes]
    if plain and profile.types:
        _add_plain(item, profile, plan)
    return item


def _add_plain(item: dict[str, Attribute], profile: Profile, plan: Plan) -> None:
    item["count"] = item["count5min"] = plain_count(profile, plan)
    item["lastTimestamp"] = item["lastUpdate"] = iso_ms(profile.latest_ms)
    newest_type = last_type(profile)
    if newest_type:
        item["lastEventType"] = newest_type
    last = profile.lasts.get((ALL, 0)) if plan.numbers else None
    if last is not None:
        item["lastMetric"] = Decimal(last.value) / plan.units[0]


def last_type(profile: Profile) -> str:
    """The type of the newest event; of several at the same time the larger, as for last values."""
    latest_ms, newest = profile.latest_ms, profile.type_last_ms
    if newest.count(latest_ms) == 1:
        return profile.types[newest.index(latest_ms)]
    return max(t for t, last_ms in zip(profile.types, newest, strict=True) if last_ms == latest_ms)


def from_item(item: Mapping[str, Any], plan: Plan, *, reading: bool = False) -> Entry:
    """The entry in an item's attributes; with `reading` only what a snapshot needs.

    Raises UnreadableState.
    """
    unpacked = unpack_for_reading if reading else unpack
    try:
        watermark = item.get("watermark")
        return Entry(
            profile=unpacked(bytes(item["state"]), plan),
            watermark=None if watermark is None else Position.parse(watermark),
            holes=tuple(Hole.parse(hole) for hole in item.get("holes", ())),
            version=int(item["version"]),
        )
    except UnreadableState as error:
        raise UnreadableState(f"the item of {item.get(KEY)!r}: {error}") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableState(
            f"the item of {item.get(KEY)!r} is no profile: {type(error).__name__}: {error}"
        ) from error
