"""What is predicted: whether a user does something within a time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from millrace.errors import ConfigurationError

ANY = "any"
# Events are a second old when they are features: shorter than this cannot be asked usefully.
SHORTEST_MS = 10_000
LONGEST_MS = 30 * 86_400_000

_LENGTH = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Target:
    """An event of a type (None: of any) within a time from the moment that is asked about."""

    event_type: str | None
    within_ms: int

    @classmethod
    def parse(cls, event_type: str, within: str) -> Target:
        """The target in two options. Raises ConfigurationError.

        >>> Target.parse("purchase", "10m").name
        'purchase within 10m'
        >>> Target.parse("any", "90s").name
        'event within 90s'
        """
        match = _LENGTH.fullmatch(within)
        within_ms = int(match[1]) * _UNIT_MS[match[2]] if match else 0
        if not SHORTEST_MS <= within_ms <= LONGEST_MS:
            raise ConfigurationError(
                f'--within must be a length of time from 10s to 30d, such as "10m", not {within!r}.'
            )
        return cls(None if event_type == ANY else event_type, within_ms)

    @property
    def label(self) -> str:
        """What a positive answer is called."""
        return self.event_type or "event"

    @property
    def name(self) -> str:
        """The target in words."""
        unit = next(unit for unit in "dhms" if self.within_ms % _UNIT_MS[unit] == 0)
        return f"{self.label} within {self.within_ms // _UNIT_MS[unit]}{unit}"

    def wants(self, event_type: str) -> bool:
        """Whether an event of this type is what is predicted."""
        return self.event_type in (None, event_type)
