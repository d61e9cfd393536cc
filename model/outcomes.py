"""Rows out of the predictions that were made: what the model was given, and what came of it.

Nothing is computed again: the features are those that PredictFunction recorded, at the moments at
which somebody really asked. The label is what POST /feedback reported, or what the user did.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import nan
from typing import Literal, get_args

from millrace.errors import ConfigurationError
from millrace.events import Event, EventReader
from millrace.features.definitions import Definitions
from millrace.features.history import ReadableObjects, archived
from millrace.features.plan import Plan
from millrace.features.replay import Summary
from millrace.features.version import features_version
from millrace.inference.joined import (
    Inference,
    inferences,
    with_feedback,
    with_later_events,
)
from millrace.inference.joined import Row as Joined

from model.invocation import NEGATIVE
from model.rows import INCOMPLETE, Row, Rows
from model.target import Target

Outcomes = Literal["feedback", "events"]
OUTCOMES: tuple[Outcomes, ...] = get_args(Outcomes)
# Why a prediction gives no row.
UNANSWERED = "unanswered"
OTHER_FEATURES = "other-features"


def answered(
    objects: ReadableObjects,
    definitions: Definitions,
    target: Target,
    outcomes: Outcomes,
    stream: str | None = None,
) -> Rows:
    """The rows of an archive's predictions; `stream` is that of the events.

    Raises ConfigurationError where no prediction gives a row, or a record is unclear.
    """
    plan = Plan(definitions, definitions.primary)
    made = list(inferences(archived(objects, kind="inferences")))
    ours = [one for one in made if one.features_version == features_version(plan)]
    joined = list(_joined(ours, objects, definitions, target, outcomes, stream))
    rows = [_row(one, plan, target) for one in joined]
    rows.sort(key=lambda row: (row.at_ms, row.key))
    other, without = len(made) - len(ours), len(ours) - len(rows)
    if not rows:
        raise ConfigurationError(
            f"No prediction gives a row: of {len(made):,}, {other:,} were made on other versions of"
            f" the features than that of features.toml ({features_version(plan)}), and of"
            f" {without:,} it is not known what came."
        )
    given_up = Counter(
        {
            OTHER_FEATURES: other,
            INCOMPLETE if outcomes == "events" else UNANSWERED: without,
        }
    )
    times_ms = [one.at_ms for one in made]
    users = {one.user_id for one in made}
    summary = Summary(records=len(made), rows=len(made), keys=len(users))
    return Rows(rows, summary, Counter(), +given_up, min(times_ms), max(times_ms), of="predictions")


def _joined(
    made: Sequence[Inference],
    objects: ReadableObjects,
    definitions: Definitions,
    target: Target,
    outcomes: Outcomes,
    stream: str | None,
) -> Iterator[Joined]:
    if outcomes == "feedback":
        return with_feedback(made, archived(objects, kind="feedback"))

    def label(events: Iterable[Event]) -> bool:
        return any(target.wants(event.type) for event in events)

    return with_later_events(
        made,
        archived(objects, stream),
        EventReader(definitions),
        horizon_ms=target.within_ms,
        label=label,
    )


def _row(joined: Joined, plan: Plan, target: Target) -> Row:
    made = joined.inference
    # The tutorials' names stand beside the features of the snapshot; no base name holds a dot.
    of_all = set(plan.names_of_all)
    names = tuple(name for name in made.features if name in of_all or "." in name)
    values = array("d", [_number(made, name) for name in names])
    return Row(made.user_id, made.at_ms, names, values, None, _positive(joined, target))


def _number(made: Inference, name: str) -> float:
    value = made.features[name]
    if value is None:
        return nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ConfigurationError(
        f"The record of prediction {made.prediction_id} is damaged: its feature {name} must be a"
        f" number or null but is {value!r:.60}."
    )


def _positive(joined: Joined, target: Target) -> bool:
    """Whether an outcome is the target: yes or no, 1 or 0, or as the model's own answer says it."""
    outcome = joined.outcome
    if isinstance(outcome, bool):
        return outcome
    if outcome in (0, 1):
        return bool(outcome)
    if outcome in (target.label, NEGATIVE):
        return bool(outcome == target.label)
    raise ConfigurationError(
        f"The outcome of prediction {joined.inference.prediction_id} is {outcome!r}; to train on"
        f" feedback it must be true or false, 1 or 0, or {target.label!r} or {NEGATIVE!r}. Or let"
        " the events say it: --outcomes events."
    )
