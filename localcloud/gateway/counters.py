"""What went through the gateway, by service and operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OperationCount:
    """Calls of one operation since the start or the last reset.

    `errors` counts answers with a status of 400 and more by error code, injected ones included;
    `unanswered` the calls whose connection was cut; the units are DynamoDB's consumed capacity.
    """

    calls: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0
    read_units: float = 0.0
    write_units: float = 0.0


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    read_units: float = 0.0
    write_units: float = 0.0


@dataclass(slots=True)
class Counters:
    """Counts calls; a snapshot can be taken at any time."""

    _tallies: dict[tuple[str, str], _Tally] = field(default_factory=dict)

    def count(self, service: str, operation: str, error: str | None, capacity: str = "") -> None:
        """Count an answered call; `capacity` is moto_server's header: units read and written."""
        tally = self._tallies.setdefault((service, operation), _Tally())
        tally.calls += 1
        if error is not None:
            tally.errors[error] += 1
        if capacity:
            read, write = capacity.split()
            tally.read_units += float(read)
            tally.write_units += float(write)

    def count_unanswered(self, service: str, operation: str) -> None:
        """Count a call whose connection was cut."""
        tally = self._tallies.setdefault((service, operation), _Tally())
        tally.calls += 1
        tally.unanswered += 1

    def snapshot(self) -> Mapping[tuple[str, str], OperationCount]:
        """The counts so far by (service, operation), in order of name."""
        return {
            key: OperationCount(
                tally.calls,
                dict(tally.errors),
                tally.unanswered,
                tally.read_units,
                tally.write_units,
            )
            for key, tally in sorted(self._tallies.items())
        }

    def reset(self) -> None:
        """Count from zero again."""
        self._tallies.clear()
