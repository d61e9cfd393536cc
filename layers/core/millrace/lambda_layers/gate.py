"""The gate between two waves: is the wave as healthy as it was before it was changed?

Two things are compared for the functions of a wave, after the change against before: the error
rate, of all together and of each that is called enough, and the 95th percentile of the time that
new execution environments took to start. Init times of before are weighted so that every function
has the weight that it has after: otherwise a slow function that happened to start more often would
look like a slow layer. Too little data is never a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from millrace.errors import ConfigurationError

QUANTILE = 0.95


class Decision(StrEnum):
    """What becomes of a wave."""

    PASSED = "passed"
    FAILED = "failed"
    TOO_LITTLE = "too-little-data"
    NOTHING = "nothing-changed"


@dataclass(frozen=True, slots=True)
class Health:
    """How a function did in a span of time; `inits_ms` are the init durations of REPORT lines."""

    invocations: int = 0
    errors: int = 0
    inits_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """When a wave passes.

    Attributes:
        bake_s: how long a wave is watched at least.
        patience_s: how much longer it is waited for data, before the rollout is held.
        baseline_s: how long before the wave "before" reaches back.
        min_invocations: of the wave, before and after, or nothing is decided.
        min_inits: cold starts of the wave, before and after; 0: cold starts are not judged.
        error_permille: by how many thousandths the error rate may rise.
        init_percent: by how much the p95 of inits may rise,
        init_slack_ms: and this much more, since short ones vary more.
        own_invocations: a function that has as many is judged by itself as well,
        own_errors: when it has as many errors: a single one is no trend.
        poll_s: how often it is looked at.
    """

    bake_s: int = 900
    patience_s: int = 1800
    baseline_s: int = 86_400
    min_invocations: int = 100
    min_inits: int = 10
    error_permille: int = 10
    init_percent: int = 20
    init_slack_ms: int = 50
    own_invocations: int = 20
    own_errors: int = 3
    poll_s: int = 60

    def __post_init__(self) -> None:
        for each in fields(self):
            value, least = getattr(self, each.name), _LEAST.get(each.name, 0)
            if value < least:
                raise ConfigurationError(
                    f"{each.name.replace('_', ' ')} of {value} is no rule of a health gate; it is"
                    f" {least} at least."
                )

    @property
    def document(self) -> dict[str, int]:
        """The rules as a plan holds them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


# Nothing passes unseen: a gate without data would be none.
_LEAST = {"min_invocations": 1, "poll_s": 1, "baseline_s": 60, "own_invocations": 1}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, why, and on which figures."""

    decision: Decision
    reasons: tuple[str, ...]
    figures: Mapping[str, int]

    @property
    def told(self) -> str:
        """The verdict for people, on a line."""
        figures = ", ".join(
            f"{name.replace('_', ' ')} {value:,}" for name, value in self.figures.items()
        )
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"{self.decision}{why} ({figures})" if figures else f"{self.decision}{why}"

    @property
    def document(self) -> dict[str, Any]:
        """The verdict as a journal holds it."""
        return {
            "decision": str(self.decision),
            "reasons": list(self.reasons),
            "figures": dict(self.figures),
        }


def judge(
    before: Mapping[str, Health], after: Mapping[str, Health], rules: Rules, *, inits: bool = True
) -> Verdict:
    """The verdict on functions by their names; without `inits` on their errors alone.

    >>> healthy = {"f": Health(200, 0, (300.0,) * 20)}
    >>> judge(healthy, healthy, Rules()).decision.value
    'passed'
    >>> judge(healthy, {"f": Health(200, 9, (300.0,) * 20)}, Rules()).reasons
    ('f fails in 9 of 200 invocations, 4.50 %; before it was 0.00 %',)
    """
    was, now = _total(before.values()), _total(after.values())
    figures = _figures(was, now)
    bad = list(_errors(before, after, was, now, rules))
    unknown = list(_too_few(was, now, rules))
    if inits and rules.min_inits:
        slow, unseen, more = _inits(before, after, rules)
        bad, unknown, figures = bad + slow, unknown + unseen, figures | more
    if bad:
        return Verdict(Decision.FAILED, tuple(bad), figures)
    if unknown:
        return Verdict(Decision.TOO_LITTLE, tuple(unknown), figures)
    return Verdict(Decision.PASSED, (), figures)


def percentile(weighted: Iterable[tuple[float, float]], quantile: float = QUANTILE) -> float:
    """The smallest value that has this part of all weight at or below it.

    >>> percentile([(1.0, 1.0), (2.0, 1.0), (3.0, 2.0)], 0.5)
    2.0
    """
    rows = sorted(weighted)
    wanted = quantile * sum(weight for _, weight in rows)
    reached = 0.0
    for value, weight in rows:
        reached += weight
        # The last one is reached whatever the sum of many small weights lost.
        if reached >= wanted * (1 - 1e-12):
            return value
    return rows[-1][0]


def _total(each: Iterable[Health]) -> Health:
    rows = list(each)
    return Health(sum(one.invocations for one in rows), sum(one.errors for one in rows))


def _figures(was: Health, now: Health) -> dict[str, int]:
    return {
        "invocations_before": was.invocations,
        "errors_before": was.errors,
        "invocations": now.invocations,
        "errors": now.errors,
    }


def _errors(
    before: Mapping[str, Health],
    after: Mapping[str, Health],
    was: Health,
    now: Health,
    rules: Rules,
) -> Iterable[str]:
    """Of each function that has a say of its own; of all together only where none stands out."""
    alone = False
    for name, one in sorted(after.items()):
        judged = one.invocations >= rules.own_invocations and one.errors >= rules.own_errors
        if judged and _risen(before.get(name, Health()), one, rules):
            alone = True
            yield _says(name, before.get(name, Health()), one)
    enough = min(was.invocations, now.invocations) >= rules.min_invocations
    if not alone and enough and _risen(was, now, rules):
        yield _says("the wave", was, now)


def _risen(was: Health, now: Health, rules: Rules) -> bool:
    return _rate(now) > _rate(was) + rules.error_permille / 1000


def _rate(one: Health) -> float:
    return one.errors / one.invocations if one.invocations else 0.0


def _says(what: str, was: Health, now: Health) -> str:
    return (
        f"{what} fails in {now.errors:,} of {now.invocations:,} invocations,"
        f" {100 * _rate(now):.2f} %; before it was {100 * _rate(was):.2f} %"
    )


def _too_few(was: Health, now: Health, rules: Rules) -> Iterable[str]:
    for when, one in (("after", now), ("before", was)):
        if one.invocations < rules.min_invocations:
            yield (
                f"{one.invocations:,} invocations {when} the change; {rules.min_invocations:,} are"
                " needed to decide"
            )


def _inits(
    before: Mapping[str, Health], after: Mapping[str, Health], rules: Rules
) -> tuple[list[str], list[str], dict[str, int]]:
    """What is slower, what is not known, and the figures of it."""
    names = [n for n, one in after.items() if one.inits_ms and before.get(n, Health()).inits_ms]
    later = [value for name in names for value in after[name].inits_ms]
    earlier = [value for name in names for value in before[name].inits_ms]
    counts = {"inits": len(later), "inits_before": len(earlier)}
    fewest = min(len(later), len(earlier))
    if fewest < rules.min_inits:
        return [], [
            f"{fewest:,} cold starts of functions that had some before and after the change;"
            f" {rules.min_inits:,} are needed to decide"
        ], counts  # fmt: skip
    p95 = percentile((value, 1.0) for value in later)
    was = percentile(
        (value, len(after[name].inits_ms) / len(before[name].inits_ms))
        for name in names
        for value in before[name].inits_ms
    )
    counts |= {"init_p95_ms": round(p95), "init_p95_before_ms": round(was)}
    if p95 <= was * (1 + rules.init_percent / 100) + rules.init_slack_ms:
        return [], [], counts
    return [f"cold starts take {p95:,.0f} ms (p95); before it was {was:,.0f} ms"], [], counts
