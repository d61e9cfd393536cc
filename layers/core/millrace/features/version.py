"""The version of a set of features: what a model was trained on, and what it is served."""

from __future__ import annotations

from hashlib import sha256

from millrace.features.plan import Plan


def features_version(plan: Plan) -> str:
    """Twelve hexadecimal digits that change whenever a feature of the plan's entity would.

    Names and meaning count: windows, aggregates, session gap, lateness, and where a value stands in
    an event. A model that was trained under one version must not be served features of another.

    >>> from millrace.features.definitions_parser import parse
    >>> from millrace.features.plan import plans_of
    >>> text = '''version = 1
    ... [event.numbers.price]
    ... field = "price"
    ... [entity.user]
    ... key = "userId"
    ... windows = ["5m"]
    ... [entity.user.all_types]
    ... price = [%s]'''
    >>> sums, means = (plans_of(parse(text % wanted, "t"))[0] for wanted in ('"sum"', '"mean"'))
    >>> len(features_version(sums)), features_version(sums) == features_version(means)
    (12, False)
    """
    entity, event = plan.entity, plan.definitions.event
    meaning = (
        (entity.name, entity.key, entity.session_gap_ms, entity.lateness_ms),
        [(window.name, window.length_s, window.tile_s) for window in entity.windows],
        [
            (track.scope, track.field, track.wanted, track.distinct, track.last)
            for track in plan.tracks
        ],
        [(type(field).__name__, field.name, field.field) for field in event.fields],
        plan.units,
        (event.time, event.type, event.id),
    )
    return sha256(repr(meaning).encode()).hexdigest()[:12]
