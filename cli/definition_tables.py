"""What a features.toml says: in short, and every feature by its name."""

from __future__ import annotations

from collections.abc import Iterator

from millrace.features import names
from millrace.features.definitions import Category, Definitions, Number, Window
from millrace.features.plan import Plan, plans_of
from millrace.features.version import features_version

from cli.figures import duration
from cli.output import print_facts, print_json, print_line, print_table

_EACH_TYPE = "<type>"
_MEANINGS = {
    "recency_s": "seconds since the newest event",
    "session_count": "sessions so far",
    "session_length_s": "seconds that the session that is going on has lasted",
    "session_events": "events in the session that is going on",
}
_AGGREGATES = {
    "sum": "sum",
    "mean": "mean",
    "min": "least",
    "max": "largest",
    "std": "standard deviation (of the population)",
    "distinct": "different values",
}


def feature_names(plan: Plan) -> tuple[str, ...]:
    """The names of an entity's features; ``<type>`` stands for a type that is not named."""
    fields = [field.name for field in plan.fields]
    found = list(plan.names_of_all)
    kinds = [*sorted(kind for kind in plan.entity.by_type if kind != "*"), _EACH_TYPE]
    for kind in kinds:
        tracks = plan.tracks_of_type(kind)
        found += names.one_type(plan.entity, tracks, fields, kind)
    return tuple(found)


def meaning(name: str, plan: Plan) -> str:
    """What a feature is, in words."""
    base, _, kind = name.partition(".")
    of_type = f", of type {kind}" if kind else ""
    if base in _MEANINGS:
        return _MEANINGS[base] + of_type
    for window in plan.entity.windows:
        if base.endswith(f"_{window.name}"):
            what = _counted(base.removesuffix(f"_{window.name}"))
            return f"{what} in the last {duration(window.length_s)}{of_type}"
    return f"newest {base.removesuffix('_last')}{of_type}"


def _counted(base: str) -> str:
    if base == "count":
        return "events"
    field, _, aggregate = base.rpartition("_")
    return f"{_AGGREGATES[aggregate]} of {field}"


def print_summary(definitions: Definitions, *, as_json: bool) -> None:
    """Say in short what a features.toml means."""
    plans = plans_of(definitions)
    if as_json:
        print_json(
            {
                "file": definitions.source,
                "valid": True,
                "entities": [_document(plan) for plan in plans],
            }
        )
        return
    event = definitions.event
    print_facts(
        [
            ("id, time, type", f"{event.id}, {event.time}, {event.type}"),
            ("future", f"up to {duration(event.future_ms / 1000)} ahead of arrival"),
            *((field.name, _field(field)) for field in event.fields),
        ],
        title=f"{definitions.source} is valid. An event's fields:",
    )
    for plan in plans:
        print_line()
        _print_entity(plan)


def _field(field: Number | Category) -> str:
    if isinstance(field, Number):
        return f"a number in {field.field}, kept to {field.scale} decimal places"
    return f"a category in {field.field}"


def _print_entity(plan: Plan) -> None:
    entity = plan.entity
    named = [kind for kind in entity.by_type if kind != "*"]
    stream = " (the stream's partition key)" if plan.index == 0 else ""
    print_facts(
        [
            ("key", f"{entity.key}{stream}"),
            ("lateness", duration(entity.lateness_ms / 1000)),
            ("session gap", duration(entity.session_gap_ms / 1000)),
            ("features", f"{len(plan.names_of_all)} over all types, more for each type"),
            ("types", f"up to {entity.max_types} apart" + _more_for(named)),
            ("version", features_version(plan)),
        ],
        title=f"entity {entity.name}",
    )
    print_table(
        ("window", "true length", "read in tiles of"),
        [(window.name, f"{_length(window)}", duration(window.tile_s)) for window in entity.windows],
    )


def _length(window: Window) -> str:
    shortest = duration(window.length_s - window.tile_s)
    return f"more than {shortest}, up to {duration(window.length_s)}"


def _more_for(named: list[str]) -> str:
    return f"; with features of their own: {', '.join(sorted(named))}" if named else ""


def _document(plan: Plan) -> dict[str, object]:
    entity = plan.entity
    return {
        "name": entity.name,
        "key": entity.key,
        "lateness_ms": entity.lateness_ms,
        "session_gap_ms": entity.session_gap_ms,
        "max_types": entity.max_types,
        "windows": [
            {"name": window.name, "length_s": window.length_s, "tile_s": window.tile_s}
            for window in entity.windows
        ],
        "version": features_version(plan),
        "features": list(feature_names(plan)),
    }


def print_features(plans: list[Plan], *, as_json: bool) -> None:
    """List every feature with its meaning."""
    if as_json:
        print_json({plan.entity.name: dict(_meanings(plan)) for plan in plans})
        return
    for plan in plans:
        print_table(("feature", "meaning"), _meanings(plan), title=f"entity {plan.entity.name}")


def _meanings(plan: Plan) -> Iterator[tuple[str, str]]:
    for name in feature_names(plan):
        yield name, meaning(name, plan)
