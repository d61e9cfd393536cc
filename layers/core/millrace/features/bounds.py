"""Packing within the hard bound, whatever a user does."""

from __future__ import annotations

from millrace.errors import StateTooLarge
from millrace.features.ageing import floors_of, forget_ids, sink_raw
from millrace.features.compaction import COUNTS, VALUES, Cell, Kind
from millrace.features.packing import pack
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.size import MAX_PROFILE_BYTES

_COARSEST = 12
_ID_BYTES = 9
# Ids are what keeps late duplicates out: half of them may go before tiles lose more than a level.
_SOME_IDS, _LEAST_IDS = 2048, 256


def pack_bounded(profile: Profile, plan: Plan, most: int = MAX_PROFILE_BYTES) -> bytes:
    """The bytes of a profile within the hard bound; changes the profile where it must.

    Too large a profile first keeps its older tiles at the coarsest size, then remembers fewer ids
    (its late floor rises, which is counted), then joins tiles by twos, and gives its finest tiles
    up. What has gone so far is tried again before it goes further. A profile that has become much
    smaller goes back by a step. Raises StateTooLarge when nothing is enough, which definitions
    that were accepted do not allow.
    """
    data = pack(profile, plan)
    if len(data) <= most:
        if profile.coarse and len(data) < most // 4:
            profile.coarse -= 1
            return pack(profile, plan)
        return data
    data = _coarsened(profile, plan, max(1, profile.coarse))
    data = _with_fewer_ids(profile, plan, data, most, _SOME_IDS)
    while len(data) > most and profile.coarse < _COARSEST:
        data = _coarsened(profile, plan, profile.coarse + 1)
    data = _with_fewer_ids(profile, plan, data, most, _LEAST_IDS)
    if len(data) > most:
        raise StateTooLarge(
            f"a profile of {len(data)} bytes passes the bound of {most}; ask for fewer distinct"
            f" counts, or a smaller max_types, in {plan.definitions.source}"
        )
    return data


def _with_fewer_ids(profile: Profile, plan: Plan, data: bytes, most: int, least: int) -> bytes:
    excess = len(data) - most
    if excess <= 0 or len(profile.ids) <= least:
        return data
    forget_ids(profile, plan.lateness_ms, max(least, len(profile.ids) - excess // _ID_BYTES - 1))
    return pack(profile, plan)


def _coarsened(profile: Profile, plan: Plan, coarse: int) -> bytes:
    profile.coarse = coarse
    sink_raw(profile, plan, floors_of(profile, plan))
    if coarse > 1:
        step = 1 << (coarse - 1)
        profile.counts = _joined(profile.counts, step, COUNTS)
        profile.tracks = {
            key: state._replace(levels=_joined(state.levels, step, VALUES))
            for key, state in profile.tracks.items()
        }
    return pack(profile, plan)


def _joined(levels: list[bytes], step: int, kind: Kind[Cell]) -> list[bytes]:
    """The series with the cells of its coarsest level joined `step` by `step`."""
    if not levels or not levels[-1]:
        return levels
    joined: dict[int, Cell] = {}
    for tile, cell in kind.unpack(levels[-1]).items():
        place = tile // step * step
        present = joined.get(place)
        joined[place] = cell if present is None else kind.join(present, cell)
    return [*levels[:-1], kind.pack(joined)]
