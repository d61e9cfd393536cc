"""Deciding, call by call, which fault strikes.

The decision for the n-th call of an operation depends on the plan, the service, the operation and
n alone, so a run with the same calls meets the same faults whatever their timing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.faults.codes import KNOWN_ERRORS
from localcloud.faults.draws import draw
from localcloud.faults.plan import Effect, Fail, FaultPlan, When, wrong


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to call number `call` of an operation."""

    call: int
    delay_s: float = 0.0
    effect: Effect | None = None
    when: When = When.BEFORE


@dataclass(frozen=True, slots=True)
class Injected:
    """How often a fault struck; `fault` is its printed form."""

    service: str
    operation: str
    fault: str
    times: int


def decide(plan: FaultPlan, service: str, operation: str, call: int) -> Decision:
    """What `plan` has in store for call number `call` (from 1) of an operation."""
    delay_ms = 0.0
    effect, when = None, When.BEFORE
    for index, rule in enumerate(plan.rules):
        if not rule.applies_to(service, operation):
            continue
        chance = draw(plan.seed, index, service, operation, call)
        if not (call in rule.calls if rule.calls else chance < rule.probability):
            continue
        low, high = rule.latency_ms
        delay_ms += low + (high - low) * draw(plan.seed, index, service, operation, call, "ms")
        if effect is None and rule.effect is not None:
            effect, when = rule.effect, rule.when
    return Decision(call, delay_ms / 1000, effect, when)


@dataclass(slots=True)
class Injector:
    """Applies a plan, which may be exchanged while calls run, and services that are down.

    Calls are counted from the start, across plans, so that a plan's numbers mean the same
    whenever it is put in.
    """

    plan: FaultPlan = field(default_factory=FaultPlan)
    _calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    _struck: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _down: dict[str, Fail] = field(default_factory=dict)

    def use(self, plan: FaultPlan) -> None:
        """Let `plan` decide from the next call on."""
        self.plan = plan

    def down(self, service: str, code: str = "ServiceUnavailable") -> None:
        """Let every call of `service` fail with error `code` until `up`."""
        if code not in KNOWN_ERRORS:
            raise wrong("the error of a service that is down", code, "one of faults.codes")
        status, message = KNOWN_ERRORS[code]
        self._down[service] = Fail(code, status, message)

    def up(self, service: str) -> None:
        """Undo `down`."""
        self._down.pop(service, None)

    @property
    def services_down(self) -> tuple[str, ...]:
        """The services that are down, by name."""
        return tuple(sorted(self._down))

    def next(self, service: str, operation: str) -> Decision:
        """Count a call and decide what happens to it."""
        self._calls[service, operation] += 1
        call = self._calls[service, operation]
        if self._down and service in self._down:
            decision = Decision(call, effect=self._down[service])
        elif self.plan.rules:
            decision = decide(self.plan, service, operation, call)
        else:
            return Decision(call)
        if decision.effect is not None:
            self._struck[service, operation, f"{decision.effect}, {decision.when}"] += 1
        if decision.delay_s:
            self._struck[service, operation, "latency"] += 1
        return decision

    def calls(self) -> Mapping[tuple[str, str], int]:
        """How often each (service, operation) was called."""
        return dict(self._calls)

    def injected(self) -> tuple[Injected, ...]:
        """What struck so far, by service, operation and fault."""
        return tuple(Injected(*what, times) for what, times in sorted(self._struck.items()))
