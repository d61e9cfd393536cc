"""Whether a stored plan is one of a rollout: a forged one is refused as a whole, before anything.

Its hash only says that nobody has changed it by the way.
"""

from __future__ import annotations

from collections import Counter

from millrace.errors import ConfigurationError, PlanRefused
from millrace.lambda_layers import waves
from millrace.lambda_layers.rollout import KIND, SWAP, rules_of
from millrace.plans.plan import Plan, State, Step


def require_whole(plan: Plan) -> None:
    """Raises PlanRefused where something is missing that a rollout needs, or is another thing."""
    if plan.kind != KIND:
        raise PlanRefused(
            "unknown-kind",
            f"It is a plan of {plan.kind}, not a rollout. See: millrace layers apply",
        )
    try:
        _check(plan)
    except (KeyError, TypeError, ValueError, AttributeError, ConfigurationError) as error:
        why = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise PlanRefused(
            "unreadable", f"This is no plan of a rollout: {why}. Make the plan again."
        ) from error


def _check(plan: Plan) -> None:
    asked = plan.asked
    rules_of(plan)
    waves.shares(asked["waves"])
    _require(_texts(asked["layer"]) and set(asked["layer"]) == set(plan.regions), "its layers")
    _require(bool(plan.regions), "its regions")
    _require(isinstance(asked["stop"], str), "its stop button")
    _require(asked["parallel"] in range(1, 17), "how many are changed at a time")
    often = Counter(step.id for step in plan.steps)
    for step in plan.steps:
        unique = often[step.id] == 1 and step.id.isascii() and step.id.isdigit()
        _require(unique, f"the id of step {step.id!r}")
        _check_step(plan, step)


def _check_step(plan: Plan, step: Step) -> None:
    what, given = f"step {step.id}", step.arguments
    _require(step.action == SWAP, f"{what}: its action")
    _require(isinstance(given["wave"], int) and given["wave"] > 0, f"{what}: its wave")
    *_, place = step.target.partition(":lambda:")
    of_plan = f"{step.region}:{plan.account}:function:{given['function']}"
    _require(step.region in plan.regions and place == of_plan, f"{what}: its function")
    before, after = step.before["layers"], step.after["layers"]
    _require(isinstance(before, list) and isinstance(after, list), f"{what}: its layers")
    _require(given["to"] == plan.asked["layer"][step.region], f"{what}: its version")
    # Nothing but the one layer is exchanged, or added.
    others = [one for one in before if one not in (given["from"], given["to"])]
    kept = [one for one in after if one != given["to"]]
    _require(given["to"] in after and others == kept, f"{what}: its layers")
    _require(isinstance(step.before["revision"], str), f"{what}: its revision")
    _require(_texts(given["settings"]) and isinstance(given["log_group"], str), f"{what}: settings")
    moved = {name: alias["version"] for name, alias in given["aliases"].items()}
    whole = all({"version", "revision", "group"} <= set(one) for one in given["aliases"].values())
    _require(whole and step.before["aliases"] == moved, f"{what}: its aliases")


def _texts(found: State) -> bool:
    return all(isinstance(one, str) for one in found.values())


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} cannot be as it stands there")
