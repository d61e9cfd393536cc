"""The features of a user as they are served: to callers, to models, and into records."""

from __future__ import annotations

from typing import NamedTuple

from millrace.errors import UnreadableState
from millrace.events import LATEST_MS
from millrace.features.item import iso_ms, last_type
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Profile
from millrace.features.snapshot import plain_count, snapshot

ServedFeatures = dict[str, float | int | str | None]


class Served(NamedTuple):
    """A user's features as of `as_of_ms`; `age_ms` is how long ago the newest event happened.

    A user of whom no event is known has the features of an empty profile, and no age.
    """

    user_id: str
    known: bool
    features: ServedFeatures
    as_of_ms: int
    age_ms: int | None


def served(user_id: str, profile: Profile | None, plan: Plan, now_ms: int) -> Served:
    """The features of a profile now: every one that `snapshot` gives, and the tutorials' names.

    `count` and `count5min` are the true window as of now, not as of the newest event. Models are
    trained on what `snapshot` gives: it is the same function there and here.

    Raises UnreadableState.
    """
    if profile is None:
        profile = Profile(len(plan.fields))
    try:
        return _served(user_id, profile, plan, now_ms)
    # Columns are first looked into here, so damage shows here, and in every way that there is.
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise UnreadableState(f"a profile is damaged: {problem:.300}") from error


def _served(user_id: str, profile: Profile, plan: Plan, now_ms: int) -> Served:
    as_of_ms = max(now_ms, profile.latest_ms)
    if as_of_ms > LATEST_MS:
        raise ValueError(f"its newest event is of {as_of_ms} ms, after the last year that there is")
    features: ServedFeatures = {**snapshot(profile, plan, as_of_ms)}
    known = profile.accepted > 0
    latest = iso_ms(profile.latest_ms) if known else None
    count = plain_count(profile, plan, as_of_ms)
    last = profile.lasts.get((ALL, 0)) if plan.numbers else None
    features["userId"] = user_id
    features["lastTimestamp"] = features["lastUpdate"] = latest
    features["count"] = features["count5min"] = count
    features["lastMetric"] = None if last is None else last.value / plan.units[0]
    features["lastEventType"] = (last_type(profile) if known else None) or None
    return Served(
        user_id, known, features, as_of_ms, as_of_ms - profile.latest_ms if known else None
    )
