"""Which layer versions may go: the rules, each with its reason, and the plan that follows.

A version stays for any one of these: it is among the newest, some version of some function has it,
it is shared (another account's use of it cannot be seen), or it is young. To delete a version that
a function has would not stop the function, but break its next deployment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from millrace.errors import ConfigurationError, PlanRefused
from millrace.lambda_layers.inventory import FunctionVersion, Inventory, LayerVersion
from millrace.plans.plan import Plan, Step

KIND = "layers.prune"
DELETE = "delete-layer-version"
DAY_MS = 86_400_000
# A plan is looked at before it is carried out, but not the next day.
GOOD_FOR_MS = 4 * 3_600_000
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """What stays.

    Attributes:
        keep: how many of the newest versions of each layer.
        grace_days: how old a version must be at least.
        limit: how many versions one plan may delete; a plan beyond it is not carried out.
    """

    keep: int = 5
    grace_days: float = 14
    limit: int = 50

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ConfigurationError(
                f"{self.keep} versions of a layer cannot be kept; keep 1 at least: the newest is"
                " what the next deployment takes."
            )
        if not self.grace_days >= 0:  # what is no number (nan) is not below 0 either
            raise ConfigurationError(f"A grace of {self.grace_days} days is none; give 0 or more.")
        if self.limit < 0:
            raise ConfigurationError(
                f"A limit of {self.limit} deletions is none; 0 deletes nothing."
            )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a version: it stays for `reasons`, and goes where there are none.

    `shared` is None where nobody asked, because it stays anyway.
    """

    version: LayerVersion
    reasons: tuple[str, ...]
    age_days: int
    shared: bool | None = None

    @property
    def stays(self) -> bool:
        """Whether it does."""
        return bool(self.reasons)


def verdicts(inventory: Inventory, rules: Rules, now_ms: int) -> tuple[Verdict, ...]:
    """A verdict on every version, before anybody has asked which of them are shared."""
    return tuple(
        Verdict(one, tuple(_reasons(one, place, inventory, rules, now_ms)), _age_days(one, now_ms))
        for versions in inventory.by_layer.values()
        for place, one in enumerate(versions, 1)
    )


def after_asking(
    found: Iterable[Verdict], shared: Mapping[str, bool | None]
) -> tuple[Verdict, ...]:
    """The verdicts with what is known of sharing, by ARN; None is a version that one may not ask.

    What might be shared stays.
    """
    return tuple(one if one.stays else _settled(one, shared) for one in found)


def plan(
    found: Sequence[Verdict], inventory: Inventory, rules: Rules, asked: Mapping[str, object]
) -> Plan:
    """The plan that deletes what need not stay, oldest first."""
    going = sorted((one for one in found if not one.stays), key=lambda one: one.version.arn)
    return Plan(
        kind=KIND,
        account=inventory.account,
        regions=inventory.regions,
        made_ms=inventory.taken_ms,
        expires_ms=inventory.taken_ms + GOOD_FOR_MS,
        asked={
            "keep": rules.keep,
            "grace_days": str(rules.grace_days),
            "limit": rules.limit,
            **asked,
        },
        steps=tuple(_step(one, str(place), rules) for place, one in enumerate(going, 1)),
        notes=tuple(_notes(found)),
    )


def check_limit(plan: Plan, limit: int) -> None:
    """Raises PlanRefused for a plan that deletes more than the limit."""
    count = len(plan.steps)
    if count > limit:
        raise PlanRefused(
            "above-the-limit",
            f"The plan deletes {count:,} versions, and {limit:,} is the limit; nothing was deleted."
            " Look at the plan; then raise the limit, or keep more.",
        )


def used_by(users: Sequence[FunctionVersion]) -> list[str]:
    """Who has a version, for a step's state: a few names, the same each time."""
    return sorted(one.qualified for one in users)[:_NAMED]


def _reasons(
    one: LayerVersion, place: int, inventory: Inventory, rules: Rules, now_ms: int
) -> Iterable[str]:
    if place <= rules.keep:
        yield f"it is among the {rules.keep} newest" if rules.keep > 1 else "it is the newest"
    users = inventory.users(one.arn)
    if users:
        named = ", ".join(f"{user.name}:{user.version}" for user in users[:_NAMED])
        more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
        yield f"{named}{more} {'has' if len(users) == 1 else 'have'} it"
    if now_ms - one.created_ms < rules.grace_days * DAY_MS:
        yield f"it is younger than {rules.grace_days:g} days"


def _settled(one: Verdict, shared: Mapping[str, bool | None]) -> Verdict:
    known = shared[str(one.version.arn)]
    reasons = {True: ("it is shared",), False: (), None: ("nobody may see whether it is shared",)}
    return replace(one, reasons=reasons[known], shared=known is not False)


def _age_days(one: LayerVersion, now_ms: int) -> int:
    return int((now_ms - one.created_ms) // DAY_MS)


def _step(one: Verdict, number: str, rules: Rules) -> Step:
    return Step(
        id=number,
        action=DELETE,
        target=str(one.version.arn),
        region=one.version.arn.region,
        why=(
            f"no version of any function has it, it is not shared, {rules.keep} newer"
            f" {'stays' if rules.keep == 1 else 'stay'}, and it is {one.age_days} days old"
        ),
        before={"exists": True, "used_by": [], "shared": False, "newer": rules.keep},
        after={"exists": False},
        destroys=True,
    )


def _notes(found: Sequence[Verdict]) -> Iterable[str]:
    for one in found:
        if one.shared:
            yield f"{one.version.arn} stays: {', '.join(one.reasons)}"
