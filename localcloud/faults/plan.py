"""A plan of faults: which calls of which AWS operations fail, and how. Plain data, printable."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from millrace.errors import ConfigurationError


class When(StrEnum):
    """Whether a fault strikes before the call is executed or after it.

    After a call is after its whole answer: a subscription that streams for minutes runs on unseen.
    """

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with an AWS error instead of the service's answer."""

    code: str
    status: int
    message: str

    def __str__(self) -> str:
        return f"{self.code} ({self.status})"


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection without an answer."""

    def __str__(self) -> str:
        return "connection dropped"


@dataclass(frozen=True, slots=True)
class Crash:
    """Call the crash hook (which may kill the caller), then cut the connection."""

    def __str__(self) -> str:
        return "crash of the caller"


Effect = Fail | Drop | Crash


@dataclass(frozen=True, slots=True)
class Rule:
    """Faults for calls of one service: every one of `calls`, or each with `probability`.

    `operation` may hold wildcards. Latency is in milliseconds, drawn evenly from the range.
    """

    service: str
    operation: str = "*"
    effect: Effect | None = None
    when: When = When.BEFORE
    probability: float = 1.0
    calls: tuple[int, ...] = ()
    latency_ms: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise wrong("probability", self.probability, "a number from 0 to 1")
        if any(call < 1 for call in self.calls):
            raise wrong("calls", self.calls, "numbers of calls, counted from 1")
        low, high = self.latency_ms
        if not 0.0 <= low <= high:
            raise wrong("latency_ms", self.latency_ms, "a range like [10, 200], lowest first")
        if self.effect is None and high == 0.0:
            raise ConfigurationError(
                f"A fault rule for {self.service!r} does nothing: "
                "give it error, drop = true, crash = true or latency_ms"
            )

    def applies_to(self, service: str, operation: str) -> bool:
        """Whether calls of this operation are the rule's business."""
        return service == self.service and fnmatchcase(operation, self.operation)

    def __str__(self) -> str:
        if self.calls:
            calls = "calls " + ", ".join(map(str, self.calls))
        else:
            calls = "every call" if self.probability == 1.0 else f"{self.probability:.3%} of calls"
        low, high = self.latency_ms
        what = [f"{low:g}-{high:g} ms slower"] if high else []
        what += [f"{self.effect}, {self.when} execution"] if self.effect else []
        return f"{self.service}.{self.operation}: {calls}: {' and '.join(what)}"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Rules under one seed. Latencies add up; of the effects the first rule's that strikes wins."""

    seed: int = 0
    rules: tuple[Rule, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"faults under seed {self.seed}:", *(f"  {rule}" for rule in self.rules)]
        return "\n".join(lines if self.rules else ["no faults"])


def wrong(key: str, value: object, expected: str) -> ConfigurationError:
    """The error for a key of a plan that has a value it cannot have."""
    return ConfigurationError(f"{key} in a fault plan is {value!r}; it must be {expected}")
