"""What is certain of an event that was put away: applied, missing, or neither."""

from __future__ import annotations

from millrace.events import Event
from millrace.features.batch import Group
from millrace.features.entry import Entry, Rank
from millrace.features.plan import Plan

APPLIED = "applied now"
KNOWN = "applied before"
MISSING = "missing"
HOLE = "in a hole"
UNDETERMINED = "undetermined"
INVALID = "still invalid"
QUARANTINED = "now in quarantine"

SETTLED = {APPLIED, KNOWN, QUARANTINED}


def placed(group: Group) -> Group:
    """The group without the ranks of records that are older than their stream.

    It was made anew since, and when the earlier one was made cannot be asked any more.
    """
    known = zip(group.ranks, group.deliveries, strict=True)
    ranks = [rank if one.arrival_ms >= one.created_ms else None for rank, one in known]
    return group._replace(ranks=ranks)


def of_group(group: Group, entry: Entry | None) -> list[str]:
    """What is certain of each event of a failed batch's group."""
    return [
        _of_failed(event, rank, entry, group.key.plan)
        for event, rank in zip(group.events, group.ranks, strict=True)
    ]


def is_above(rank: Rank, entry: Entry) -> bool:
    """Whether a record of this rank comes after everything that was dealt with."""
    return rank is not None and (entry.watermark is None or rank > entry.watermark)


def of_late_copy(event: Event, entry: Entry | None) -> str:
    """What is certain of a late event that has an id, and so may be a copy of another record's.

    Ids are not remembered for ever: an event that was applied long ago may come again, late.
    """
    return KNOWN if _is_remembered(event, entry) else UNDETERMINED


def _of_failed(event: Event, rank: Rank, entry: Entry | None, plan: Plan) -> str:
    if entry is None or is_above(rank, entry):
        return MISSING
    if any(rank in hole for hole in entry.holes):
        return HOLE
    if event.id is not None:
        if _is_remembered(event, entry):
            return KNOWN
        if event.time_ms >= entry.profile.late_floor_ms(plan.lateness_ms):
            return MISSING
    return UNDETERMINED


def _is_remembered(event: Event, entry: Entry | None) -> bool:
    return entry is not None and entry.profile.ids.second_of(event.id_hash) >= 0
